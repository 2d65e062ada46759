module baocao.vn/examples/submit

go 1.19

require (
	github.com/nats-io/nats.go v1.37.0
	google.golang.org/protobuf v1.34.2
)
