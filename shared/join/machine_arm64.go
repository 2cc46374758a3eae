package join

// elfMachine is EM_AARCH64 (elf(5)).
const elfMachine = 183

// machine is machine_arm64.s.
func machine()

var _ = machine // nobody calls it
