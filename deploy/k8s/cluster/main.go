// One program for the API server of Kubernetes and its client: the first word says which runs. Two programs would link most of
// the same code twice.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	commands := map[string]func() *cobra.Command{
		"apiserver": apiserver.NewAPIServerCommand,
		"kubectl":   kubectl.NewDefaultKubectlCommand,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kubernetes apiserver|kubectl [arguments]")
		os.Exit(2)
	}
	build := commands[os.Args[1]]
	os.Args = os.Args[1:]
	os.Exit(cli.Run(build()))
}
