package image

// withoutApt is what a reader does where packages cannot be had this way.
const withoutApt = `The lab builds itself on Debian and Ubuntu. Elsewhere, give it two things:
  an emulator: dnf install qemu-system-x86-core (Fedora), pacman -S qemu-system-x86 (Arch),
    brew install qemu (macOS);
  an image made on a Debian or Ubuntu machine of the same architecture: copy the folder
    lab/image-… of its cache (or a .tar of it) and set LAB_IMAGE to it.
LAB_KERNEL names another kernel (vmlinux or bzImage). On Windows: WSL2 with Debian or Ubuntu.`

func (b *builder) given() (string, error) { return "", nil }
