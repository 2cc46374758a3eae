package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"mydocker.example/shared/proof"
)

// inputs is all that the bill is worked out from. Change a number and run the proof again.
type inputs struct {
	services int     // programs that are to be kept apart
	load     float64 // what one keeps busy of a machine's processor, on average
	memory   float64 // GiB that one needs

	machineMemory float64 // GiB in a machine
	full          float64 // how full a shared machine may get, processor and memory
	spare         int     // shared machines that stand ready for one that fails
	idle, busy    float64 // watts of a machine that does nothing, and that does all it can
	pue           float64 // watts that the building draws for each watt of a machine
	price, years  float64 // dollars for a machine, and how long it lasts
	kWh           float64 // dollars

	guestMemory float64 // GiB of a guest's own kernel and system
	guestLoad   float64 // processor time that virtualization costs, as a share
}

var usual = inputs{
	services: 100, load: 0.06, memory: 6,
	machineMemory: 64, full: 0.7, spare: 1,
	idle: 120, busy: 240, pue: 1.56,
	price: 6000, years: 5, kWh: 0.15,
	guestMemory: 1, guestLoad: 0.05,
}

// A way is one of the three ways of keeping programs apart, as the bill sees it.
type way struct {
	machines    int
	utilization float64
	power       float64 // kW, of the building
	energy      float64 // dollars a year
	hardware    float64 // dollars a year
}

func (w way) cost() float64 { return w.energy + w.hardware }

// separate gives each program a machine.
func (in inputs) separate() way { return in.cost(in.services, float64(in.services)*in.load) }

// shared puts programs together, each with what its way of isolation takes beside it.
func (in inputs) shared(extraMemory, extraLoad float64) way {
	n := float64(in.services)
	processors := n * in.load * (1 + extraLoad)
	byProcessor := math.Ceil(processors / in.full)
	byMemory := math.Ceil(n * (in.memory + extraMemory) / (in.machineMemory * in.full))
	return in.cost(int(math.Max(byProcessor, byMemory))+in.spare, processors)
}

func (in inputs) virtual() way    { return in.shared(in.guestMemory, in.guestLoad) }
func (in inputs) containers() way { return in.shared(0, 0) }

// cost is what a number of machines takes that together do the work of so many processors.
// A machine's draw grows in a straight line from idle to busy, which is near enough.
func (in inputs) cost(machines int, processors float64) way {
	w := way{machines: machines, utilization: processors / float64(machines)}
	watts := float64(machines) * (in.idle + (in.busy-in.idle)*w.utilization)
	w.power = watts * in.pue / 1000
	w.energy = w.power * 24 * 365 * in.kWh
	w.hardware = float64(machines) * in.price / in.years
	return w
}

// table sets the three ways side by side.
func (in inputs) table() string {
	var out bytes.Buffer
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmachines\tbusy\tkW\t$ energy\t$ machines\t$ a year\t")
	for _, row := range []struct {
		name string
		way
	}{{"separate", in.separate()}, {"virtual", in.virtual()}, {"containers", in.containers()}} {
		fmt.Fprintf(t, "%s\t%d\t%.0f%%\t%.1f\t%.0f\t%.0f\t%.0f\t\n", row.name, row.machines,
			row.utilization*100, row.power, row.energy, row.hardware, row.cost())
	}
	t.Flush()
	return strings.TrimRight(out.String(), "\n")
}

// worst is the smallest ratio of the costs, separate to shared, that any prices can bring
// about for programs of this load: of everything that is bought, one thing at a time costs
// all the money.
func (in inputs) worst(shared func(inputs) way) float64 {
	worst := math.Inf(1)
	for _, idle := range []float64{0.25, 0.5, 0.75} { // of busy: 0.5 is usual
		for _, price := range []float64{0, 1000, 6000, 30000} {
			for _, kWh := range []float64{0.05, 0.15, 0.50} {
				in := in
				in.idle, in.price, in.kWh = idle*in.busy, price, kWh
				worst = math.Min(worst, in.separate().cost()/shared(in).cost())
			}
		}
	}
	return worst
}

// evenAt is the load from which on sharing saves no machine.
func (in inputs) evenAt(shared func(inputs) way) float64 {
	for in.load = 0.01; in.load < 1; in.load += 0.01 {
		if shared(in).machines >= in.separate().machines {
			return in.load
		}
	}
	return 1
}

// bill works out what it costs to keep programs apart by machines.
var bill = proof.Proof{
	ID: "bill", Host: true,
	Guest: func(r *proof.Report) error {
		r.Saw("table", fmt.Sprintf("%d programs, each %.0f%% of a processor and %.0f GiB", usual.services, usual.load*100, usual.memory), usual.table())
		r.Sawf("usual", "separate / containers", "%.1f", usual.separate().cost()/usual.containers().cost())
		for _, load := range []float64{0.02, 0.06, 0.10, 0.30} {
			in := usual
			in.load = load
			r.Sawf(fmt.Sprintf("worst-%.0f", load*100), fmt.Sprintf("separate / containers, worst prices, programs of %.0f%%", load*100), "%.1f", in.worst(inputs.containers))
		}
		r.Sawf("even", "load from which on sharing saves no machine", "%.0f%%", usual.evenAt(inputs.containers)*100)
		r.Sawf("vm-container", "virtual / containers", "%.2f", usual.virtual().cost()/usual.containers().cost())
		busy, err := busySinceBoot()
		if err != nil {
			return err
		}
		r.Sawf("", "this machine, busy since it booted (/proc/stat)", "%.1f%%", busy*100)
		return nil
	},
	Judge: func(s *proof.Seen) {
		s.Check(number(s.Get("usual")) >= 5, "at the usual prices separate machines cost only %s times as much", s.Get("usual"))
		// Programs that use a tenth of a machine or less: twice as much, at any price.
		for _, load := range []string{"2", "6", "10"} {
			s.Check(number(s.Get("worst-"+load)) >= 2, "at a load of %s%%, separate machines cost only %s times as much", load, s.Get("worst-"+load))
		}
		// And where that ends.
		s.Check(number(s.Get("worst-30")) < 2, "at a load of 30%% it should no longer hold: %s", s.Get("worst-30"))
		s.Check(number(strings.TrimSuffix(s.Get("even"), "%")) <= 75, "sharing should save nothing for programs that fill their machine")
		s.Check(number(s.Get("vm-container")) < 1.5, "between virtual machines and containers the bill should hardly decide: %s", s.Get("vm-container"))
	},
}

// busySinceBoot is the share of its processors' time that this machine did not idle away
// (proc_stat(5)).
func busySinceBoot() (float64, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	var total, idle float64
	for i, field := range strings.Fields(first)[1:] {
		if i >= 8 {
			break // guest time is counted in user time too
		}
		n := number(field)
		total += n
		if i == 3 || i == 4 { // idle, iowait
			idle += n
		}
	}
	return 1 - idle/total, nil
}
