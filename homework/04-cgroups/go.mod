module mydocker.example/homework/04-cgroups

go 1.25.0
