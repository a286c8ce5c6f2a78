// client TARGET CALLS VERSION WARM: calls helloworld.Greeter/SayHello over one connection and prints each answer.
// WARM: first call until that many different servers answered; those answers are not printed.
package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	_ "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// HelloRequest and HelloReply have one string with number 1, as StringValue has.
func hello(conn *grpc.ClientConn, version string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if version != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "version", version)
	}
	answer := &wrapperspb.StringValue{}
	if err := conn.Invoke(ctx, "/helloworld.Greeter/SayHello", wrapperspb.String("world"), answer, grpc.WaitForReady(true)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return answer.Value
}

func main() {
	calls, _ := strconv.Atoi(os.Args[2])
	warm, _ := strconv.Atoi(os.Args[4])
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer conn.Close()
	host := regexp.MustCompile("hostname:[a-z0-9-]+")
	seen := map[string]bool{}
	for len(seen) < warm {
		seen[host.FindString(hello(conn, os.Args[3]))] = true
	}
	for i := 0; i < calls; i++ {
		fmt.Println(hello(conn, os.Args[3]))
	}
}
