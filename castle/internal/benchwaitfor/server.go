package benchwaitfor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// server is a real kube-apiserver with its etcd, on this machine and without root.
type server struct {
	env    *envtest.Environment
	client kubernetes.Interface
	host   string // host:port
	ca     []byte
	dir    string // for the files of its accounts
	proc   procfs.Proc
}

// serve starts an API server of its own for one measurement, so that none inherits another's caches and memory.
func (b *bench) serve(ctx context.Context) (*server, func() error, error) {
	log.SetLogger(logr.Discard()) // else envtest's library complains that there is none
	dir, err := os.MkdirTemp("", "bench-waitfor-")
	if err != nil {
		return nil, nil, err
	}
	const ample = 3 * time.Minute // envtest's own 20 s for each start and stop are too few on a machine at work
	s := &server{env: &envtest.Environment{ControlPlaneStartTimeout: ample, ControlPlaneStopTimeout: ample}, dir: dir}
	s.env.ControlPlane.GetAPIServer().Path = b.tools["kube-apiserver"]
	s.env.ControlPlane.Etcd = &envtest.Etcd{Path: b.tools["etcd"]}
	s.env.ControlPlane.KubectlPath = b.tools["kubectl"]
	config, err := s.env.Start()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start an API server: %w", err), s.stop())
	}
	config.QPS = -1
	s.host = s.env.ControlPlane.APIServer.SecureServing.URL("https", "").Host
	s.ca = config.CAData
	if s.client, err = kubernetes.NewForConfig(config); err == nil {
		s.proc, err = childNamed("kube-apiserver")
	}
	if err == nil {
		err = s.admit(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.stop())
	}
	return s, s.stop, nil
}

func (s *server) stop() error { return errors.Join(s.env.Stop(), os.RemoveAll(s.dir)) }

// childNamed finds the process of this name that this process started.
func childNamed(name string) (procfs.Proc, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return procfs.Proc{}, fmt.Errorf("list processes: %w", err)
	}
	for _, proc := range all {
		if stat, err := proc.Stat(); err == nil && stat.PPID == os.Getpid() && stat.Comm == name {
			return proc, nil
		}
	}
	return procfs.Proc{}, fmt.Errorf("find the process of %s: this process has no such child", name)
}

// cpu is what the API server has used so far, in seconds.
func (s *server) cpu() (float64, error) {
	stat, err := s.proc.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the API server's CPU time: %w", err)
	}
	return stat.CPUTime(), nil
}

// memory is what the API server holds, in bytes.
func (s *server) memory() (float64, error) {
	status, err := s.proc.NewStatus()
	if err != nil {
		return 0, fmt.Errorf("read the API server's memory: %w", err)
	}
	return float64(status.VmRSS), nil
}

// requests is how many the API server has answered so far. A watch counts when it has ended.
func (s *server) requests(ctx context.Context) (float64, error) {
	data, err := s.client.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the API server's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		return 0, fmt.Errorf("read the API server's metrics: %w", err)
	}
	total := 0.0
	for _, metric := range families["apiserver_request_total"].GetMetric() {
		total += metric.GetCounter().GetValue()
	}
	if total == 0 {
		return 0, errors.New("read the API server's metrics: no apiserver_request_total")
	}
	return total, nil
}

// calm waits until the API server has done what it does after its start.
func (s *server) calm(ctx context.Context) error {
	const window, quiet = 5 * time.Second, 0.15 // it needs about 0.06 s of CPU in a window when nobody asks
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	last, err := s.cpu()
	for err == nil {
		if err = pause(ctx, window); err != nil {
			return fmt.Errorf("wait until the API server is idle: %w", err)
		}
		var now float64
		if now, err = s.cpu(); now-last < quiet {
			return err
		}
		last = now
	}
	return err
}

func (s *server) accountDir(n int) string { return filepath.Join(s.dir, strconv.Itoa(n)) }
