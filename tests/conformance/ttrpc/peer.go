// containerd's own ttrpc on the other end of ours.
//
//	peer serve SOCKET   serves until its stdin ends; writes "ready" once it listens
//	peer call SOCKET    calls our server; a line per check, exit 0 when all passed
//
// The messages of the calls are ttrpc.Request itself: a string, bytes and a number are enough.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const service = "nacre.test.Peer"

// One method: decode a Request, run f, answer with a Request.
func method(f func(context.Context, *ttrpc.Request) (*ttrpc.Request, error)) ttrpc.Method {
	return func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
		var request ttrpc.Request
		if err := unmarshal(&request); err != nil {
			return nil, err
		}
		return f(ctx, &request)
	}
}

func serve(socket string) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.Register(service, map[string]ttrpc.Method{
		"Echo": method(func(_ context.Context, r *ttrpc.Request) (*ttrpc.Request, error) {
			return r, nil
		}),
		// An answer whose payload has TimeoutNano bytes.
		"Size": method(func(_ context.Context, r *ttrpc.Request) (*ttrpc.Request, error) {
			return &ttrpc.Request{Payload: make([]byte, r.TimeoutNano)}, nil
		}),
		// Fails with the code in TimeoutNano.
		"Fail": method(func(_ context.Context, r *ttrpc.Request) (*ttrpc.Request, error) {
			return nil, status.Error(codes.Code(r.TimeoutNano), r.Method)
		}),
		// The metadata "k", joined, and the nanoseconds until the deadline.
		"Context": method(func(ctx context.Context, _ *ttrpc.Request) (*ttrpc.Request, error) {
			answer := &ttrpc.Request{}
			if md, ok := ttrpc.GetMetadata(ctx); ok {
				values, _ := md.Get("k")
				answer.Method = strings.Join(values, ",")
			}
			if deadline, ok := ctx.Deadline(); ok {
				answer.TimeoutNano = time.Until(deadline).Nanoseconds()
			}
			return answer, nil
		}),
		"Block": method(func(ctx context.Context, _ *ttrpc.Request) (*ttrpc.Request, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
	})
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	return server.Serve(context.Background(), listener)
}

type checks struct {
	client *ttrpc.Client
	failed bool
}

func (c *checks) report(name string, ok bool, detail interface{}) {
	if !ok {
		c.failed = true
		fmt.Printf("FAILED %s: %v\n", name, detail)
		return
	}
	fmt.Printf("ok %s\n", name)
}

func (c *checks) call(ctx context.Context, name string, r *ttrpc.Request) (*ttrpc.Request, error) {
	var response ttrpc.Request
	err := c.client.Call(ctx, service, name, r, &response)
	return &response, err
}

func (c *checks) echo(size int) (int, error) {
	answer, err := c.call(context.Background(), "Echo", &ttrpc.Request{Payload: make([]byte, size)})
	return len(answer.Payload), err
}

func (c *checks) sizes() {
	for _, size := range []int{0, 1, 4095, 65536, 1 << 20, 4<<20 - 64} {
		got, err := c.echo(size)
		c.report(fmt.Sprintf("echo of %d bytes", size), err == nil && got == size, err)
	}
	_, err := c.echo(4 << 20)
	c.report("request over the limit", status.Code(err) == codes.ResourceExhausted, err)
	_, err = c.call(context.Background(), "Size", &ttrpc.Request{TimeoutNano: 5 << 20})
	c.report("answer over the limit", status.Code(err) == codes.ResourceExhausted, err)
	got, err := c.echo(3)
	c.report("the connection survives both", err == nil && got == 3, err)
}

func (c *checks) errors() {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		request := &ttrpc.Request{Method: "because", TimeoutNano: int64(code)}
		_, err := c.call(context.Background(), "Fail", request)
		st, ok := status.FromError(err)
		c.report(fmt.Sprintf("code %v", code), ok && st.Code() == code && st.Message() == "because", err)
	}
	_, err := c.call(context.Background(), "Fail", &ttrpc.Request{TimeoutNano: -1})
	c.report("message that is not UTF-8", status.Code(err) == codes.Internal, err)
	_, err = c.call(context.Background(), "None", &ttrpc.Request{})
	c.report("unknown method", status.Code(err) == codes.Unimplemented, err)
	err = c.client.Call(context.Background(), "none.Such", "Echo", &ttrpc.Request{}, &ttrpc.Request{})
	c.report("unknown service", status.Code(err) == codes.Unimplemented, err)
}

func (c *checks) contexts() {
	ctx := ttrpc.WithMetadata(context.Background(), ttrpc.MD{"k": []string{"a", "b"}})
	answer, err := c.call(ctx, "Context", &ttrpc.Request{})
	c.report("metadata", err == nil && answer.Method == "a,b", answer)
	c.report("no deadline", err == nil && answer.TimeoutNano == 0, answer)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	answer, err = c.call(ctx, "Context", &ttrpc.Request{})
	left := time.Duration(answer.TimeoutNano)
	c.report("deadline", err == nil && left > 50*time.Minute && left <= time.Hour, answer)
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = c.call(ctx, "Block", &ttrpc.Request{})
	// Its own clock or our answer at the deadline, whichever is first.
	late := err == context.DeadlineExceeded || status.Code(err) == codes.DeadlineExceeded
	c.report("deadline while blocked", late, err)
}

func (c *checks) concurrency() {
	var wait sync.WaitGroup
	errs := make(chan error, 1000)
	for i := 0; i < 20; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			for j := 0; j < 50; j++ {
				if got, err := c.echo(i*100 + j); err != nil || got != i*100+j {
					errs <- fmt.Errorf("%d bytes, %v", got, err)
				}
			}
		}(i)
	}
	wait.Wait()
	close(errs)
	c.report("1000 calls, 20 at once", len(errs) == 0, <-errs)
}

// Leaves with a call running; our server must notice.
func (c *checks) leave() {
	started := make(chan error, 1)
	go func() {
		_, err := c.call(context.Background(), "Block", &ttrpc.Request{})
		started <- err
	}()
	// Answered only once Block runs.
	_, err := c.call(context.Background(), "AwaitBlocked", &ttrpc.Request{})
	c.report("a blocked call does not hold up others", err == nil, err)
	c.client.Close()
	c.report("close ends the blocked call", <-started != nil, nil)
}

func call(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	c := &checks{client: ttrpc.NewClient(conn)}
	c.sizes()
	c.errors()
	c.contexts()
	c.concurrency()
	c.leave()
	if c.failed {
		return fmt.Errorf("some checks failed")
	}
	return nil
}

func main() {
	run := map[string]func(string) error{"serve": serve, "call": call}
	if len(os.Args) != 3 || run[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer serve|call SOCKET")
		os.Exit(2)
	}
	if err := run[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
