package kinds

// table holds the kinds of Kubernetes 1.36 that are generally available and can be watched, a line each: the version that
// the API server prefers, resource, Kind, short names, scope, and whether there is a status subresource. The groups stand
// in the API server's order, which decides whose a name is that several groups have, as "events".
// A test of test/api holds it against a real API server.
const table = `
v1 configmaps ConfigMap cm namespaced
v1 endpoints Endpoints ep namespaced
v1 events Event ev namespaced
v1 limitranges LimitRange limits namespaced
v1 namespaces Namespace ns cluster status
v1 nodes Node no cluster status
v1 persistentvolumeclaims PersistentVolumeClaim pvc namespaced status
v1 persistentvolumes PersistentVolume pv cluster status
v1 pods Pod po namespaced status
v1 podtemplates PodTemplate - namespaced
v1 replicationcontrollers ReplicationController rc namespaced status
v1 resourcequotas ResourceQuota quota namespaced status
v1 secrets Secret - namespaced
v1 serviceaccounts ServiceAccount sa namespaced
v1 services Service svc namespaced status
apiregistration.k8s.io/v1 apiservices APIService - cluster status
apps/v1 controllerrevisions ControllerRevision - namespaced
apps/v1 daemonsets DaemonSet ds namespaced status
apps/v1 deployments Deployment deploy namespaced status
apps/v1 replicasets ReplicaSet rs namespaced status
apps/v1 statefulsets StatefulSet sts namespaced status
events.k8s.io/v1 events Event ev namespaced
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler hpa namespaced status
batch/v1 cronjobs CronJob cj namespaced status
batch/v1 jobs Job - namespaced status
certificates.k8s.io/v1 certificatesigningrequests CertificateSigningRequest csr cluster status
networking.k8s.io/v1 ingressclasses IngressClass - cluster
networking.k8s.io/v1 ingresses Ingress ing namespaced status
networking.k8s.io/v1 ipaddresses IPAddress ip cluster
networking.k8s.io/v1 networkpolicies NetworkPolicy netpol namespaced
networking.k8s.io/v1 servicecidrs ServiceCIDR - cluster status
policy/v1 poddisruptionbudgets PodDisruptionBudget pdb namespaced status
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding - cluster
rbac.authorization.k8s.io/v1 clusterroles ClusterRole - cluster
rbac.authorization.k8s.io/v1 rolebindings RoleBinding - namespaced
rbac.authorization.k8s.io/v1 roles Role - namespaced
storage.k8s.io/v1 csidrivers CSIDriver - cluster
storage.k8s.io/v1 csinodes CSINode - cluster
storage.k8s.io/v1 csistoragecapacities CSIStorageCapacity - namespaced
storage.k8s.io/v1 storageclasses StorageClass sc cluster
storage.k8s.io/v1 volumeattachments VolumeAttachment - cluster status
storage.k8s.io/v1 volumeattributesclasses VolumeAttributesClass vac cluster
admissionregistration.k8s.io/v1 mutatingadmissionpolicies MutatingAdmissionPolicy - cluster
admissionregistration.k8s.io/v1 mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding - cluster
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration - cluster
admissionregistration.k8s.io/v1 validatingadmissionpolicies ValidatingAdmissionPolicy - cluster status
admissionregistration.k8s.io/v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding - cluster
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration - cluster
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition crd,crds cluster status
scheduling.k8s.io/v1 priorityclasses PriorityClass pc cluster
coordination.k8s.io/v1 leases Lease - namespaced
node.k8s.io/v1 runtimeclasses RuntimeClass - cluster
discovery.k8s.io/v1 endpointslices EndpointSlice - namespaced
resource.k8s.io/v1 deviceclasses DeviceClass - cluster
resource.k8s.io/v1 resourceclaims ResourceClaim - namespaced status
resource.k8s.io/v1 resourceclaimtemplates ResourceClaimTemplate - namespaced
resource.k8s.io/v1 resourceslices ResourceSlice - cluster
flowcontrol.apiserver.k8s.io/v1 flowschemas FlowSchema - cluster status
flowcontrol.apiserver.k8s.io/v1 prioritylevelconfigurations PriorityLevelConfiguration - cluster status
`
