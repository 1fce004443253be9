package bundle

// The checks below name every field that seed does not honour. They keep a promise: what passes here is
// treated by seed as Flux and External Secrets Operator will treat it afterwards.

// unsupported lists the fields whose condition holds, as problems.
func unsupported(fields map[string]bool) []string {
	var problems []string
	for _, field := range sortedKeys(fields) {
		if fields[field] {
			problems = append(problems, field+" is not supported by seed: remove it from the objects that seed starts from")
		}
	}
	return problems
}
