package check

// Codes are all that seed check can find. A code never gets another meaning. The first digit is the group: 1 files and builds,
// 2 units, their order and their objects, 3 Pods with what they need, 4 credentials, ExternalSecrets and stores, 5 the bundle.
var Codes = []Code{
	{"SC101", "A reference leads nowhere", Error, findMissing},
	{"SC102", "A folder without an index is referred to", Error, findNoIndex},
	{"SC103", "spec.path leads nowhere", Error, findPath},
	{"SC104", "Nothing refers to a file", Warning, findUnreferenced},
	{"SC105", "A unit cannot be built", Error, findBroken},
	{"SC201", "Units wait for each other", Error, findCycles},
	{"SC202", "A unit waits for one that is not there", Error, findUnknownDependency},
	{"SC203", "A unit waits for a suspended one", Warning, findSuspendedDependency},
	{"SC204", "Two units apply one object", Error, findTwice},
	{"SC205", "Nobody creates a namespace", Error, findNamespaces},
	{"SC206", "A variable has no value", Error, findUnset},
	{"SC207", "A planted unit could be pruned", Error, findPrune},
	{"SC208", "An object needs the definition that its own unit's chart brings", Warning, findOwnDefinition},
}
