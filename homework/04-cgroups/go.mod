module mydocker.example/homework/04-cgroups

go 1.26.0
