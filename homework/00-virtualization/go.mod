module mydocker.example/homework/00-virtualization

go 1.26.0
