// Reads a dashboard with Grafana's own types, strictly: a field that Grafana doesn't know, one that
// it needs and that isn't there, and a value of another type are errors.
//
//	go run . FILE
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	log.SetFlags(0)
	// What a panel or a query may have is known of these; of others nothing would be checked.
	grafana := cog.NewRuntime()
	grafana.RegisterPanelcfgVariant(stat.VariantConfig())
	grafana.RegisterPanelcfgVariant(timeseries.VariantConfig())
	grafana.RegisterDataqueryVariant(prometheus.VariantConfig())

	text, err := os.ReadFile(os.Args[1])
	check(err)
	check(dashboard.NewDashboard().UnmarshalJSONStrict(text))
	// What was read strictly lacks its panels, which version 0.0.22 forgets.
	read := dashboard.NewDashboard()
	check(json.Unmarshal(text, read))
	check(read.Validate())

	panels, queries := 0, 0
	for _, it := range read.Panels {
		if it.Panel == nil {
			continue
		}
		if _, known := cog.ConfigForPanelcfgVariant(it.Panel.Type); !known {
			log.Fatalf("nothing is known of panels of the type %s", it.Panel.Type)
		}
		panels++
		for _, target := range it.Panel.Targets {
			if _, known := target.(*prometheus.Dataquery); !known {
				log.Fatalf("a query of %s is none of a Prometheus: %T", *it.Panel.Title, target)
			}
			queries++
		}
	}
	fmt.Printf("%d panels, %d queries\n", panels, queries)
}

// check ends the program with what is wrong. The types' list of errors is no nil where it is empty.
func check(err error) {
	if err != nil && err.Error() != "" {
		log.Fatal(err)
	}
}
