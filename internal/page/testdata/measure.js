// Measures each page in its frame, and leaves what is wrong with it in an element of class findings.
'use strict';
const result = {Pages: 0, Texts: 0, Bars: 0, Wrong: []};

function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(c => {
    c /= 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(view, element) {
  let paper = 'rgb(255, 255, 255)';
  for (let e = element; e; e = e.parentElement) {
    const colour = view.getComputedStyle(e).backgroundColor;
    if (!/, 0\)$/.test(colour)) { paper = colour; break; }
  }
  const [a, b] = [luminance(view.getComputedStyle(element).color), luminance(paper)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

// box is where a text is, and not the element around it.
function box(element) {
  const range = element.ownerDocument.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect();
}

const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;

function look(frame) {
  const view = frame.contentWindow, page = frame.contentDocument, width = view.innerWidth;
  const where = frame.getAttribute('src') + ' at ' + width + ' px: ';
  const wrong = text => result.Wrong.push(where + text);
  const shown = e => !e.closest('details:not([open])') || e.tagName === 'SUMMARY';
  result.Pages++;
  if (page.documentElement.scrollWidth > width) wrong('it scrolls sideways: ' + page.documentElement.scrollWidth);
  if (view.performance.getEntriesByType('resource').length > 0) wrong('it loads something');
  for (const e of page.querySelectorAll('main *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !shown(e)) continue;
    result.Texts++;
    const r = box(e), name = JSON.stringify(e.textContent.slice(0, 40));
    if (view.getComputedStyle(e).display === 'none') continue;
    if (r.left < -0.5 || r.right > width + 0.5) wrong('text sticks out: ' + name + ' ' + r.left + ' to ' + r.right);
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && view.getComputedStyle(e).overflowX !== 'visible') wrong('text is cut off: ' + name);
    if (contrast(view, e) < 4.5) wrong('text is too faint: ' + name + ' ' + contrast(view, e).toFixed(2));
  }
  for (const track of page.querySelectorAll('.chart .track')) {
    const outer = track.getBoundingClientRect();
    for (const bar of track.children) {
      result.Bars++;
      const r = bar.getBoundingClientRect();
      if (r.width < 1.5 || r.height < 2) wrong('a bar that nobody sees: ' + bar.title);
      if (r.left < outer.left - 3 || r.right > outer.right + 4 || r.top < outer.top - 1 || r.bottom > outer.bottom + 1) wrong('a bar outside of its row: ' + bar.title);
    }
  }
  for (const row of page.querySelectorAll('.row .name, h3.name')) {
    const [a, b] = [...row.children].filter(e => e.textContent).map(box);
    if (a && b && overlap(a, b)) wrong('name and moment lie over each other: ' + row.textContent);
  }
  const cells = [...page.querySelectorAll('.tables tr')].flatMap(tr => [...tr.children].map((e, i) => [box(e), tr.children[i + 1] && box(tr.children[i + 1]), e]));
  for (const [a, b, e] of cells) if (b && overlap(a, b)) wrong('cells lie over each other: ' + e.textContent);
  const labels = [...page.querySelectorAll('.chart .label, .tick span')].filter(e => view.getComputedStyle(e).display !== 'none');
  labels.forEach((a, i) => labels.slice(i + 1).forEach(b => {
    if (overlap(box(a), box(b))) wrong('labels lie over each other: ' + a.textContent + ', ' + b.textContent);
  }));
  const chart = page.querySelector('.chart').getBoundingClientRect();
  for (const rule of page.querySelectorAll('.rule')) {
    const r = rule.getBoundingClientRect();
    if (r.left < chart.left || r.right > chart.right + 2 || Math.abs(r.bottom - chart.bottom) > 30 || r.height < 20) wrong('a moment\'s line is not over the rows');
  }
}

window.addEventListener('load', () => {
  for (const frame of document.querySelectorAll('iframe')) {
    try { look(frame); } catch (e) { result.Wrong.push(frame.getAttribute('src') + ': ' + e); }
  }
  const out = document.createElement('pre');
  out.className = 'findings';
  out.textContent = JSON.stringify(result);
  document.body.append(out);
});
