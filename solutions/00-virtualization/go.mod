module mydocker.example/solutions/00-virtualization

go 1.25.0
