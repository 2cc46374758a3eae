module mydocker.example/solutions/00-virtualization

go 1.26.0
