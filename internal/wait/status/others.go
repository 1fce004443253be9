package status

func claim(o fields) Result {
	phase := o.text("status.phase", "")
	switch phase {
	case "Bound":
		return current("it is bound to a volume")
	case "":
		return waiting("it has no phase yet")
	}
	return waiting("it is " + phase + ", not Bound")
}

// service waits for the cluster's address, not for the load balancer's: as kstatus.
func service(o fields) Result {
	if o.text("spec.type", "ClusterIP") == "LoadBalancer" && o.text("spec.clusterIP", "") == "" {
		return waiting("it has no cluster IP yet")
	}
	return current("it has what a Service needs")
}

// definition: a CRD whose names another one has taken stays refused until somebody deletes that one.
func definition(o fields) Result {
	for _, c := range conditions(o) {
		switch {
		case c.is("NamesAccepted", "False"):
			return Result{State: Failed, Message: c.sentence("its names are not accepted")}
		case c.is("Established", "False") && c.reason != "Installing":
			return Result{State: Failed, Message: c.sentence("it is not established")}
		case c.is("Established", "True"):
			return current("its kind is served")
		}
	}
	return waiting("its kind is not served yet")
}
