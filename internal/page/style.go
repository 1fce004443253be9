package page

// style is for widths from 360 to 1600 pixels, in light and dark, on screen and paper. What a colour says, a pattern or a
// word says too. The colours have a contrast of at least 4.5 to 1 as text, 3 to 1 as bars.
const style = `
:root{color-scheme:light dark;--label:21rem;--bg:#fff;--fg:#1c2128;--muted:#57606a;--card:#f3f5f8;--edge:#d0d7de;
--grid:#e4e8ed;--work:#1f63b5;--health:#2b8a83;--tick:#ffffffb0;--wait:#b35900;--fail:#c0262d;--none:#6e7781;
--ready:#1a7f37;--path:#8a2fb5;--first:#0a7d46;--all:#5b3fd0;--goal:#0969a8}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e4e9ef;--muted:#9aa5b1;--card:#1b2129;--edge:#36404b;
--grid:#252d36;--work:#5aa2f0;--health:#46b8ae;--tick:#12161cb0;--wait:#f0a04b;--fail:#ff7b72;--none:#8b949e;
--ready:#56d364;--path:#d48cf5;--first:#4fd18b;--all:#a99bff;--goal:#5cb8f2}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif}
main{max-width:100rem;margin:0 auto;padding:1rem clamp(.75rem,2.5vw,2.5rem) 3rem}
h1{font-size:1.5rem;line-height:1.2;margin:.4rem 0}
h2{font-size:1.15rem;margin:2rem 0 .4rem}
h3.name{font-size:.8rem;font-weight:600;color:var(--muted);margin:.9rem 0 .25rem;width:var(--label)}
p{margin:.3rem 0 .7rem;max-width:60rem;color:var(--muted)}
.revision{font:.8rem ui-monospace,monospace;overflow-wrap:anywhere;margin:0}
.note{border-left:4px solid var(--wait);padding:.3rem .7rem;background:var(--card);color:var(--fg);overflow-wrap:anywhere}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0}
.numbers div{background:var(--card);border:1px solid var(--edge);border-radius:.5rem;padding:.55rem .8rem;overflow-wrap:anywhere}
dt{font-size:.8rem;color:var(--muted)}
dd{margin:0;font-size:.8rem;color:var(--muted)}
.value{font-size:1.5rem;line-height:1.25;font-weight:650;color:var(--fg);font-variant-numeric:tabular-nums}
ol,ul{list-style:none;margin:0;padding:0}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.8rem;margin:.5rem 0 1rem}
.legend li{display:flex;align-items:center;gap:.45rem}
.key.bar{position:static;width:1.8rem;height:.85rem;flex:none}
.key.path{position:static;width:1.8rem;flex:none}
.chart{position:relative;padding-top:calc(1.5rem + var(--lines)*1.35rem)}
.axis{position:absolute;inset:0 0 0 var(--label)}
.tick{position:absolute;top:0;bottom:0;border-left:1px solid var(--grid)}
.tick span{position:absolute;top:0;left:.2rem;font-size:.72rem;color:var(--muted);white-space:nowrap}
.last span{left:auto;right:.2rem}
.moments{position:absolute;inset:1.4rem 0 0 var(--label);pointer-events:none;z-index:2}
.line{position:absolute;inset:0}
.line+.line{top:1.35rem}.line+.line+.line{top:2.7rem}
.rule{position:absolute;top:0;bottom:0;border-left:2px dashed}
.label{position:absolute;top:0;font-size:.78rem;font-weight:650;white-space:nowrap;padding:0 .3rem;background:var(--bg)}
.first{color:var(--first)}.all{color:var(--all)}.all .rule{border-left-style:solid}.goal{color:var(--goal)}.goal .rule{border-left-style:dotted}
.row{display:grid;grid-template-columns:var(--label) 1fr;align-items:center;min-height:1.5rem;position:relative}
.track{z-index:1}
.row:hover{background:color-mix(in srgb,var(--fg) 6%,transparent)}
.name{display:flex;justify-content:space-between;gap:.6rem;padding-right:.8rem;font-size:.82rem;line-height:1.2}
.name span:first-child{overflow-wrap:anywhere}
.done{color:var(--muted);white-space:nowrap;font-variant-numeric:tabular-nums}
.critical .name{font-weight:600}.critical .name .done{font-weight:400}
.part .name{color:var(--muted);font-size:.75rem;padding-left:1.1rem}
.part{min-height:1.15rem}.part .track{height:1rem}.part .bar{top:.2rem;height:.5rem}.part .bar.ready{top:.1rem;height:.75rem}
.part .bar.health{top:.25rem;height:.35rem}
.mark{color:var(--path)}
.track{position:relative;height:1.35rem}
.bar{position:absolute;top:.2rem;height:.8rem;min-width:2px;border-radius:1px}
.working{background:var(--work)}
.health{background:repeating-linear-gradient(90deg,var(--tick) 0 1px,transparent 1px var(--poll,100%)),var(--health);top:.35rem;height:.5rem}
.key.ready.bar{margin:0;height:1rem}
.key.health{height:.5rem}
.wait{background:repeating-linear-gradient(135deg,var(--wait) 0 1.5px,transparent 1.5px 5px);border:1px solid var(--wait)}
.failed{background:repeating-linear-gradient(90deg,transparent 0 3px,var(--bg) 3px 4px),var(--fail);min-width:4px}
.folded{background:repeating-linear-gradient(90deg,var(--fail) 0 1px,transparent 1px 3px);border:1px solid var(--fail)}
.whole{top:.5rem;height:.2rem;background:var(--none)}
.suspended{background:radial-gradient(circle,var(--none) 1px,transparent 1.2px) 0 0/5px 5px;border:1px solid var(--none)}
.unknown{border:1px dashed var(--none)}
.bar.ready{background:var(--ready);width:4px!important;margin-left:-2px;top:.05rem;height:1.1rem;border-radius:2px}
.path{position:absolute;bottom:0;height:3px;min-width:2px;background:var(--path);border-radius:2px}
.tables{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:0 2.5rem}
table{border-collapse:collapse;width:100%;font-size:.82rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--edge)}
tbody th,td:last-child{overflow-wrap:anywhere}
thead th{color:var(--muted);font-weight:600}
tbody th{font-weight:500;min-width:8.5rem}
.missing table{margin-top:.5rem}.missing p{margin-bottom:0}.missing td:nth-child(2){white-space:nowrap}
.tables td:not(:last-child){white-space:nowrap}
details{margin-top:2rem}
summary{cursor:pointer;font-weight:600}
.scroll{overflow-x:auto}.scroll table{min-width:44rem}
.compare .row{padding:.2rem 0;border-bottom:1px solid var(--grid)}
.compare .track{height:auto}
.pair{display:flex;align-items:center;gap:.4rem;height:1rem;font-size:.75rem;font-variant-numeric:tabular-nums}
.pair .bar{position:static;height:.6rem;flex:none}
.earlier.bar{background:repeating-linear-gradient(135deg,var(--none) 0 1.5px,transparent 1.5px 5px);border:1px solid var(--none)}
.now.bar{background:var(--work)}
.pair .number{white-space:nowrap;color:var(--muted)}
.faster .done{color:var(--ready)}.slower .done{color:var(--fail)}
@media(max-width:52rem){:root{--label:0px}
.row{grid-template-columns:1fr;padding:.15rem 0}h3.name{width:auto}.name{padding:0;position:relative;z-index:3;pointer-events:none}.name>span{background:var(--bg)}
.tick.odd span{display:none}
.missing thead{display:none}.missing th{font-weight:600}.missing th,.missing td{display:block;border:0;padding:.05rem 0}.missing tr{display:block;border-bottom:1px solid var(--edge);padding:.4rem 0}
.missing td:nth-child(2){color:var(--fail)}}
@media(max-width:30rem){tbody th{min-width:6.5rem}table{font-size:.78rem}th,td{padding-right:.4rem}.value{font-size:1.25rem}}
@media print{*{print-color-adjust:exact}}
`
