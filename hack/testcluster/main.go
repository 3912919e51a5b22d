// Command testcluster is etcd, kube-apiserver and kubectl in one binary, chosen by its first argument.
// One binary shares most of its packages, so it builds in a third of the time that three would take.
package main

import (
	"fmt"
	"io"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// lifelineVariable set to "stdin" makes a server exit when its standard input ends. The test process holds the
// other end of that pipe, so the kernel ends the servers with it, even after a SIGKILL that no exit hook sees.
const lifelineVariable = "TESTCLUSTER_LIFELINE"

// removeVariable names a folder that the server removes when its lifeline ends: nobody else is left to do it.
const removeVariable = "TESTCLUSTER_REMOVE"

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	part := os.Args[1]
	os.Args = append([]string{part}, os.Args[2:]...) // each part expects to be its own program
	switch part {
	case "etcd":
		followParent()
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		followParent()
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kubectl":
		runKubectl()
	default:
		usage()
	}
}

// followParent is never used for kubectl, which reads manifests from standard input.
func followParent() {
	if os.Getenv(lifelineVariable) != "stdin" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		if folder := os.Getenv(removeVariable); folder != "" {
			_ = os.RemoveAll(folder)
		}
		os.Exit(1)
	}()
}

// runKubectl does what cmd/kubectl's main does: kubectl prints its errors itself and picks the exit code.
func runKubectl() {
	logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: testcluster etcd|kube-apiserver|kubectl [flags]")
	os.Exit(2)
}
