// Command 07-network proves the claims of lesson 07, "The network: isolating and connecting
// a container". Each proof has the id of a heading in README.md; each file has one story.
//
// No proof touches the network of the machine it runs on, but for its loopback: the host of
// a proof is a network namespace too, with a bridge and forwarding of its own (machine.go).
package main

import (
	"embed"

	"mydocker.example/shared/proof"
)

//go:embed *.md
var texts embed.FS

var lesson = proof.Lesson{
	Number: 7,
	Name:   "07-network",
	Texts:  texts,
	Proofs: []proof.Proof{
		// loopback.go, ports.go, sockets.go
		emptyNamespace, ownPorts, socketStays,
		// sniff.go, standin.go, abstract.go
		sniff, standIn, abstractSocket, pathSocket,
		// pair.go, birth.go, vanish.go
		vethBothEnds, bornInPlace, vanish,
		// bridge.go, overheard.go
		bridgePing, overheard,
		// arp.go, isolated.go
		arpMITM, isolatedPort,
		// nat.go, capture.go
		wayOut, captured,
		// resolver.go
		resolver,
		// publish.go, localnet.go, backdoor.go
		published, portTaken, localnet, backDoor,
		// final.go
		final,
		// conclusionsealed.go, conclusion.go, conclusionsocket.go, conclusionhost.go
		sealed, volume, passedSocket, pod, pidHost, privileged,
		// conclusionpanic.go, surface.go
		oneKernel, twoMachines, surface,
	},
}

func main() { proof.Main(lesson) }
