package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/wait/kube"
)

// program is one run of the command.
type program struct {
	stdout, stderr io.Writer
	flags          flags
	code           int
}

type flags struct {
	any                   bool
	timeout, grace        time.Duration
	failIf                []string
	logFormat, namespace  string
	podName, podUID       string
	tokenDir, termination string
	account               string
	events, hints         bool
	clusterScoped         []string
}

const long = `waitfor holds a Pod until what it needs is there: objects of the cluster, or servers
that answer. It is an init container: it ends with 0 when all TARGETs are met at the
same time.

A TARGET is an object or a label selector as kubectl spells them, or a URL. A check may
follow behind a #:

  [NAMESPACE/]KIND[.VERSION][.GROUP]/NAME[#CHECK]
  [NAMESPACE/]KIND[.VERSION][.GROUP]?SELECTOR[#[all|any|min=N&]CHECK]
  tcp://HOST:PORT                  somebody accepts connections
  dns://NAME                       the name has an address
  http(s)://HOST[:PORT]/PATH[#status=200,300-399&ca=FILE]
                                   the answer has such a status (without #: 200-399)
  postgres://[USER@]HOST[:PORT][/DB][?sslmode=MODE]
      [#password-secret=[NAMESPACE/]NAME/KEY | #password-file=FILE]
                                   PostgreSQL accepts connections; with a password: the login

CHECK is one of
  exists                           it is there (this is meant if no check is written)
  key=a,b                          the Secret or ConfigMap has these keys, none of them empty
  condition=Type[=Status]          the condition has this status (True), for the newest spec
  jsonpath={.path}[=value]         there is a value, or this value
  ready                            it has reached what its spec asks for (kstatus)
  complete                         the Job has completed; a Job that fails ends the waiting
  deleted                          it is not, or no longer, there

Without NAMESPACE the Pod's own is meant. Kubernetes' own kinds need no GROUP; all others
are written with it.

Every flag is also a variable: --log-format is WAITFOR_LOG_FORMAT. WAITFOR_TARGETS adds
targets, one in a line. "waitfor rbac" prints the rights that the Pod needs.

Exit codes: 0 met, 1 error, 2 usage, 3 a target failed for good, 4 not allowed,
124 timed out, 130 SIGINT, 143 SIGTERM.`

const examples = `  waitfor secret/tazlab-db-pguser-mnemosyne#key=user,password
  waitfor externalsecrets.external-secrets.io/pgadmin#condition=Ready tcp://tazlab-db-primary:5432
  waitfor --any 'pod?app=database#min=2&ready' job/restore#complete
  waitfor rbac --namespace mnemosyne secret/tazlab-db-pguser-mnemosyne | kubectl apply -f -`

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use: "waitfor [flags] TARGET...", Short: "Hold a Pod until what it needs is there", Long: long, Example: examples,
		Version: versionText(), SilenceUsage: true, SilenceErrors: true, Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd, os.Environ()) },
		RunE:              p.wait,
	}
	f := &p.flags
	root.Flags().SortFlags = false
	root.Flags().BoolVar(&f.any, "any", false, "end with the first target that is met, not with all of them")
	root.Flags().DurationVar(&f.timeout, "timeout", 0, "end with 124 after this `TIME`, for example 10m (default: never)")
	root.Flags().DurationVar(&f.grace, "forbidden-grace", time.Minute, "end with 4 when refused for this `TIME` (401, 403)")
	root.Flags().StringArrayVar(&f.failIf, "fail-if", nil, "end with 3 when this `TARGET` is met (repeatable)")
	root.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json, for the log on stderr")
	root.Flags().StringVar(&f.podName, "pod-name", "", "the Pod's `NAME`: Events on it say why it waits; needs --pod-uid")
	root.Flags().StringVar(&f.podUID, "pod-uid", "", "the Pod's `UID`")
	root.Flags().StringVar(&f.tokenDir, "token-dir", kube.TokenDir, "`FOLDER` with token, ca.crt and namespace\n")
	root.Flags().StringVar(&f.termination, "termination-log", "/dev/termination-log", "`FILE` for the message of the end")
	root.Flags().StringVarP(&f.namespace, "namespace", "n", "", "of TARGETs that name none (default: the Pod's own)")
	root.AddCommand(p.rbac())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		_ = fromEnvironment(cmd, os.Environ()) // where the message belongs; the first mistake is enough
		return err
	})
	return root
}

// ignored are variables that the kubelet sets for Services in the namespace whose name begins with "waitfor"
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
func ignored(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

const prefix = "WAITFOR_"

// fromEnvironment sets the flags that the command line does not. A variable with the prefix that nobody reads is a typo.
// All are read, whatever is wrong with some: they also say where the error goes.
func fromEnvironment(cmd *cobra.Command, environ []string) error {
	var first error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == targetsVariable || ignored(name) {
			continue
		}
		if err := setFlag(cmd, name, value); first == nil {
			first = err
		}
	}
	return first
}

func setFlag(cmd *cobra.Command, variable, value string) error {
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, prefix), "_", "-"))
	flag := cmd.Flags().Lookup(name)
	switch {
	case flag == nil && cmd.Root().Flags().Lookup(name) != nil: // for waiting, not for this command
		return nil
	case flag == nil || name == "help" || name == "version" || variable != strings.ToUpper(variable):
		return fmt.Errorf("the variable %s is none that waitfor reads: they are %s, and %s with the name of a flag in capitals, as %sLOG_FORMAT", variable, targetsVariable, prefix, prefix)
	case flag.Changed:
		return nil
	}
	if err := flag.Value.Set(value); err != nil {
		return fmt.Errorf("the variable %s=%q: %w", variable, value, err)
	}
	return nil
}
