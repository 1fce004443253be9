package life

import "context"

// Fresh brings a fresh castle up, with the cluster's DNS from its platform and nothing else, lets use work with it, and takes it
// away.
func Fresh(ctx context.Context, o Options, use func(context.Context, *Castle) error) (err error) {
	c, err := New(o)
	if err != nil {
		return err
	}
	if err := c.Prepare(ctx); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	defer func() {
		if downErr := c.Down(context.WithoutCancel(ctx)); err == nil {
			err = downErr
		}
	}()
	if err := c.Apply(ctx, nil); err != nil {
		return err
	}
	return use(ctx, c)
}
