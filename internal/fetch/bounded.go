package fetch

import (
	"context"
	"errors"
	"os"
	"sync/atomic"

	"github.com/go-git/go-billy/v5"
)

// errTooLarge says that the bytes of a budget are spent.
var errTooLarge = errors.New("too large")

// budget is what may still be written. Nothing may once its context has ended: go-git looks at a context
// only while it downloads, not while it connects by SSH or checks out.
type budget struct {
	ctx  context.Context
	left atomic.Int64
	over atomic.Bool // go-git does not hand every error on as it was
}

func newBudget(ctx context.Context, bytes int64) *budget {
	b := &budget{ctx: ctx}
	b.left.Store(bytes)
	return b
}

func (b *budget) spend(bytes int) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if b.left.Add(-int64(bytes)) < 0 {
		b.over.Store(true)
		return errTooLarge
	}
	return nil
}

// boundedFS is a folder whose writes count against a budget.
type boundedFS struct {
	billy.Filesystem
	budget *budget
}

func (b boundedFS) Create(name string) (billy.File, error) {
	return b.file(b.Filesystem.Create(name))
}

func (b boundedFS) OpenFile(name string, flag int, mode os.FileMode) (billy.File, error) {
	return b.file(b.Filesystem.OpenFile(name, flag, mode))
}

func (b boundedFS) TempFile(dir, prefix string) (billy.File, error) {
	return b.file(b.Filesystem.TempFile(dir, prefix))
}

func (b boundedFS) Chroot(path string) (billy.Filesystem, error) {
	sub, err := b.Filesystem.Chroot(path)
	return boundedFS{sub, b.budget}, err
}

func (b boundedFS) file(f billy.File, err error) (billy.File, error) {
	if err != nil {
		return nil, err
	}
	return boundedFile{f, b.budget}, nil
}

type boundedFile struct {
	billy.File
	budget *budget
}

func (b boundedFile) Write(p []byte) (int, error) {
	if err := b.budget.spend(len(p)); err != nil {
		return 0, err
	}
	return b.File.Write(p)
}
