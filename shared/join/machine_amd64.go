package join

// elfMachine is EM_X86_64 (elf(5)).
const elfMachine = 62

// machine is machine_amd64.s.
func machine()

var _ = machine // nobody calls it
