namespaces = ["shop", "wiki"]
