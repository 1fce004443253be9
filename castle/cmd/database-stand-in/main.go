// Command database-stand-in stands in for Crunchy's operator and one database of it where no PostgreSQL can run: it says in
// the PostgresCluster's status how things are, after a time it creates the Secrets of the cluster's users, and then it
// listens on PostgreSQL's port. It speaks no word of PostgreSQL.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// never is the value of --after with which nothing is ever brought.
const never = "never"

// namespaceFile is where a Pod finds its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		slog.Error("the stand-in ends", "error", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var after, cluster string
	c := &cobra.Command{
		Use: "database-stand-in --cluster NAME USER/DATABASE...", Short: "Bring the Secrets of a database's users, after a time",
		Args: cobra.MinimumNArgs(1), SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, users []string) error { return run(cmd.Context(), after, cluster, users) },
	}
	c.Flags().StringVar(&after, "after", "0s", "how long to wait, or never")
	c.Flags().StringVar(&cluster, "cluster", "", "name of the PostgresCluster")
	_ = c.MarkFlagRequired("cluster")
	return c
}

func run(ctx context.Context, after, cluster string, users []string) error {
	var all []*corev1.Secret
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return fmt.Errorf("find the Pod's namespace: %w", err)
	}
	for _, user := range users {
		secret, err := userSecret(cluster, string(namespace), user)
		if err != nil {
			return err
		}
		all = append(all, secret)
	}
	if err := check(after); err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	d := database{objects.Resource(postgresClusters).Namespace(string(namespace)), cluster}
	if err := d.tell(ctx, waiting(after)); err != nil {
		return err
	}
	if err := pause(ctx, after); err != nil {
		return err
	}
	for _, secret := range all {
		if err := create(ctx, client, secret); err != nil {
			return err
		}
	}
	if err := d.tell(ctx, standing); err != nil {
		return err
	}
	return listen(ctx)
}

// check finds a mistake in --after.
func check(after string) error {
	if after == never {
		return nil
	}
	if d, err := time.ParseDuration(after); err != nil || d < 0 {
		return fmt.Errorf("--after=%s: want a time such as 30s, or %s", after, never)
	}
	return nil
}

// pause waits for the time that --after says. The end of ctx is no error: the Pod is told to end.
func pause(ctx context.Context, after string) error {
	if after == never {
		slog.Info("the Secrets will never be brought")
		<-ctx.Done()
		return nil
	}
	duration, err := time.ParseDuration(after)
	if err != nil {
		return err
	}
	slog.Info("the Secrets will be brought", "after", duration)
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil
}

// userSecret is what the operator writes for a user, by its names; user is USER/DATABASE.
// https://access.crunchydata.com/documentation/postgres-operator/latest/architecture/user-management
func userSecret(cluster, namespace, user string) (*corev1.Secret, error) {
	name, database, found := strings.Cut(user, "/")
	if !found || name == "" || database == "" {
		return nil, fmt.Errorf("%q is not USER/DATABASE", user)
	}
	host, password := cluster+"-primary."+namespace+".svc", rand.Text()
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: cluster + "-pguser-" + name,
			Labels: map[string]string{"tazlab.net/stand-in": "true"},
		},
		StringData: map[string]string{
			"host": host, "port": "5432", "user": name, "password": password, "dbname": database,
			"uri":      "postgresql://" + name + ":" + password + "@" + host + ":5432/" + database,
			"jdbc-uri": "jdbc:postgresql://" + host + ":5432/" + database + "?password=" + password + "&user=" + name,
		},
	}, nil
}

// create tries until the Secret is there, or ctx ends. One that is there stays as it is, as the operator keeps a password.
func create(ctx context.Context, client kubernetes.Interface, secret *corev1.Secret) error {
	return untilDone(ctx, "Secret "+secret.Name, func(ctx context.Context) error {
		_, err := client.CoreV1().Secrets(secret.Namespace).Create(ctx, secret, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
}

// untilDone does something again each second until that is no error. The end of ctx is none either.
func untilDone(ctx context.Context, what string, do func(context.Context) error) error {
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		if err := do(ctx); err != nil {
			slog.Warn("trying again", "what", what, "error", err)
			return false, nil
		}
		slog.Info("done", "what", what)
		return true, nil
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the Pod was told to end
	}
	return err
}

// listen takes connections and closes them, until ctx ends.
func listen(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":5432")
	if err != nil {
		return fmt.Errorf("listen on PostgreSQL's port: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take a connection: %w", err)
		}
		_ = connection.Close()
	}
}
