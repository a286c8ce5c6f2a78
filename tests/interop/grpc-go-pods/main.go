// The demo program's contract on grpc-go: GET /ping and /grpc_client?name=SERVICE&version=V on 8081, SayHello on 50051.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var hostname, _ = os.Hostname()

func first(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// HelloRequest and HelloReply have one string with number 1, as StringValue has.
func sayHello(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	name := &wrapperspb.StringValue{}
	if err := decode(name); err != nil {
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	if ms, err := strconv.Atoi(first(md, "sleep-ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	if code, err := strconv.Atoi(first(md, "fail-code")); err == nil && code != 0 {
		return nil, status.Error(codes.Code(code), "failed as asked")
	}
	return wrapperspb.String(fmt.Sprintf("hostname:%s, in:%s, version:%s", hostname, name.Value, first(md, "version"))), nil
}

var (
	lock        sync.Mutex
	connections = map[string]*grpc.ClientConn{}
)

// One connection per service, as gRPC programs have: who balances must balance calls.
func connection(service string) (*grpc.ClientConn, error) {
	lock.Lock()
	defer lock.Unlock()
	if c := connections[service]; c != nil {
		return c, nil
	}
	c, err := grpc.NewClient("dns:///"+service+":50051", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err == nil {
		connections[service] = c
	}
	return c, err
}

func grpcClient(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	timeout, err := time.ParseDuration(q.Get("timeout"))
	if err != nil {
		timeout = time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	for _, key := range []string{"version", "sleep-ms", "fail-code"} {
		if v := q.Get(key); v != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, key, v)
		}
	}
	answer := &wrapperspb.StringValue{}
	c, err := connection(q.Get("name"))
	if err == nil {
		err = c.Invoke(ctx, "/helloworld.Greeter/SayHello", wrapperspb.String("world"), answer)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "Greeting: %s\n", answer.Value)
}

func main() {
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "helloworld.Greeter", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "SayHello", Handler: sayHello}}}, nil)
	listener, err := net.Listen("tcp", ":50051")
	if err != nil {
		panic(err)
	}
	go server.Serve(listener)
	http.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "pong hostname:%s", hostname) })
	http.HandleFunc("/grpc_client", grpcClient)
	panic(http.ListenAndServe(":8081", nil))
}
