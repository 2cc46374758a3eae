package main

// limitInit is about process 1 itself, which is ours, and stays: the command must find nothing
// in it that it has not got. It runs on the thread that has limited itself already.
func limitInit(caps CapSet) error {
	// homework: process-1
	// TODO: PR_SET_DUMPABLE to 0: who wants to look into process 1, at its memory, descriptors
	// or program, needs CAP_SYS_PTRACE then (ptrace(2)). For whom has that: no_new_privs and
	// capset(2) for all threads, by syscall.AllThreadsSyscall.
	return todo("process-1: limitInit")
}
