package rootfs

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Overlay takes the writes that would go to the root. Upper and Work are folders on one
// file system, which must not be an overlay itself; Merged is where the whole shows, a
// folder that no other mount namespace sees anything in.
type Overlay struct {
	Upper, Work, Merged string

	// UserXattr keeps the overlay's own marks in user.* attributes instead of trusted.*,
	// which are for the machine's root alone. In a user namespace a folder that was removed
	// can only so be made again (Documentation/filesystems/overlayfs.rst).
	UserXattr bool
}

func (o Overlay) mount(lower string) error {
	if err := unix.Mount("overlay", o.Merged, "overlay", 0, o.options(lower)); err != nil {
		return fmt.Errorf("mount(%q, %q, %q, %q): %w", "overlay", o.Merged, "overlay", o.options(lower), err)
	}
	return nil
}

// options are those of the overlay's mount(2).
func (o Overlay) options(lower string) string {
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escape(lower), escape(o.Upper), escape(o.Work))
	if o.UserXattr {
		options += ",userxattr"
	}
	return options
}

// escape keeps a comma from ending an option, and a colon from ending a layer.
var escape = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`).Replace
