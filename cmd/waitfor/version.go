package main

import "runtime/debug"

// versionText is the release's, or the one that the Go tool has stamped.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
