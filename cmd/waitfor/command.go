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
	written        bool // the termination message is
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

const long = `waitfor holds a Pod until what it needs is there: objects of the cluster, or servers that answer.

A TARGET is spelled as kubectl spells it, with a check behind #:

  [NAMESPACE/]KIND[.VERSION][.GROUP]/NAME[#CHECK]
  [NAMESPACE/]KIND[.VERSION][.GROUP]?SELECTOR[#[all|any|min=N&]CHECK]
  tcp://HOST:PORT   dns://NAME   http(s)://HOST/PATH[#status=200,300-399&ca=FILE]
  postgres://[USER@]HOST[:PORT][/DB][#password-file=FILE|password-secret=NAME/KEY]

CHECK is one of
  exists                        it is there (without a check this is meant)
  key=a,b                       the Secret or ConfigMap has these keys, none empty
  condition=Type[=Status]       the condition has this status, for the newest spec
  jsonpath={...}[=value]        there is a value, or this value
  ready                         it has reached what its spec asks for (kstatus)
  complete                      the Job has completed; fails with a Job that fails
  deleted                       it is not, or no longer, there

Without a namespace the Pod's own is meant. Kubernetes' own kinds need no group, all others
are written with it. Every flag is also a variable: --log-format is WAITFOR_LOG_FORMAT. WAITFOR_TARGETS
holds more targets, one in a line.

Exit codes: 0 met, 1 error, 2 usage, 3 a target failed for good, 4 not allowed, 124 timed out,
130 SIGINT, 143 SIGTERM.`

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
	root.Flags().DurationVar(&f.timeout, "timeout", 0, "budget for all of it, for example 10m (0: none, for a restarted init container starts ever later)")
	root.Flags().DurationVar(&f.grace, "forbidden-grace", time.Minute, "how long a refusal (401, 403) is waited out, for rights may arrive late")
	root.Flags().StringArrayVar(&f.failIf, "fail-if", nil, "end with 3 when this TARGET is met (repeatable)")
	root.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json")
	root.Flags().StringVar(&f.podName, "pod-name", "", "the Pod's name: with --pod-uid, Events on it say why it waits")
	root.Flags().StringVar(&f.podUID, "pod-uid", "", "the Pod's UID (metadata.uid)")
	root.Flags().StringVar(&f.tokenDir, "token-dir", kube.TokenDir, "folder with token, ca.crt and namespace of the ServiceAccount")
	root.Flags().StringVar(&f.termination, "termination-log", "/dev/termination-log", "file for the message with which it ended")
	root.PersistentFlags().StringVarP(&f.namespace, "namespace", "n", "", "namespace of targets without one (default: the Pod's own)")
	root.AddCommand(p.rbac())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return err })
	return root
}

// ignored are variables that the kubelet sets for Services in the namespace whose name begins with "waitfor"
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
func ignored(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

const prefix = "WAITFOR_"

// fromEnvironment sets the flags that the command line does not. A variable with the prefix that nobody reads is a typo.
func fromEnvironment(cmd *cobra.Command, environ []string) error {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == targetsVariable || ignored(name) {
			continue
		}
		flagName := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", "-"))
		flag := cmd.Flags().Lookup(flagName)
		if flag == nil && cmd.Root().Flags().Lookup(flagName) != nil {
			continue // for waiting, not for this command
		}
		if flag == nil || flagName == "help" || flagName == "version" {
			return fmt.Errorf("the variable %s is none that waitfor reads: they are %s, and %s and a flag's name in capitals", name, targetsVariable, prefix)
		}
		if flag.Changed {
			continue
		}
		if err := cmd.Flags().Set(flagName, value); err != nil {
			return fmt.Errorf("the variable %s: %w", name, err)
		}
	}
	return nil
}
