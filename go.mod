module github.com/spacehatch/spacehatch

go 1.26
