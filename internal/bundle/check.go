package bundle

// The checks below name every field that seed does not honour. They keep a promise: what passes here is
// treated by seed as Flux and External Secrets Operator will treat it afterwards.

// refusal is a field that seed does not honour, and what to do instead.
type refusal struct {
	used        bool
	field, cure string
}

// refused lists the refusals that apply, as problems.
func refused(refusals ...refusal) []string {
	var problems []string
	for _, r := range refusals {
		if r.used {
			problems = append(problems, r.field+" is not supported by seed: "+r.cure)
		}
	}
	return problems
}

// unsupported lists the fields whose condition holds, as problems; nothing can be done but to leave them out.
func unsupported(fields map[string]bool) []string {
	var refusals []refusal
	for _, field := range sortedKeys(fields) {
		refusals = append(refusals, refusal{fields[field], field, "remove it from the objects that seed starts from"})
	}
	return refused(refusals...)
}
