// Verifies an exported transparency log with Go's own packages, golang.org/x/mod/sumdb/note and
// sumdb/tlog, which share nothing with the ledger: the checkpoint's signature, the tiles, the proofs
// that follow from the tiles, and those that the ledger's crate made.
//
//	go run . DIR KEY
//
// DIR also has the files kept, an earlier checkpoint, and proofs.json.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// checkpoint is a C2SP tlog-checkpoint: three lines, and perhaps more.
type checkpoint struct {
	size int64
	root tlog.Hash
}

type proofs struct {
	Inclusion []struct {
		Index int64
		Proof []string
	}
	Consistency []struct {
		Earlier int64
		Root    string
		Proof   []string
	}
}

func main() {
	log.SetFlags(0)
	folder, key := os.Args[1], os.Args[2]
	verifier, err := note.NewVerifier(key)
	check(err)
	newest := open(filepath.Join(folder, "checkpoint"), verifier)
	kept := open(filepath.Join(folder, "kept"), verifier)
	tiles := tlog.TileHashReader(tlog.Tree{N: newest.size, Hash: newest.root}, reader(folder))

	root, err := tlog.TreeHash(newest.size, tiles)
	check(err)
	same("root of the tiles", root, newest.root)
	leaves := entries(folder, newest.size)
	for index, leaf := range leaves {
		found, err := tiles.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		check(err)
		same(fmt.Sprint("leaf ", index), found[0], leaf)
	}
	for index := int64(0); index < newest.size; index += 1 + newest.size/50 {
		proof, err := tlog.ProveRecord(newest.size, index, tiles)
		check(err)
		check(tlog.CheckRecord(proof, newest.size, newest.root, index, leaves[index]))
	}
	proof, err := tlog.ProveTree(newest.size, kept.size, tiles)
	check(err)
	check(tlog.CheckTree(proof, newest.size, newest.root, kept.size, kept.root))

	var made proofs
	text, err := os.ReadFile(filepath.Join(folder, "proofs.json"))
	check(err)
	check(json.Unmarshal(text, &made))
	for _, of := range made.Inclusion {
		check(tlog.CheckRecord(hashes(of.Proof), newest.size, newest.root, of.Index, leaves[of.Index]))
	}
	for _, of := range made.Consistency {
		earlier := hash(of.Root)
		check(tlog.CheckTree(hashes(of.Proof), newest.size, newest.root, of.Earlier, earlier))
	}
	fmt.Printf("%d events, %d inclusion proofs, %d consistency proofs\n",
		newest.size, len(made.Inclusion), len(made.Consistency))
}

func open(file string, verifier note.Verifier) checkpoint {
	text, err := os.ReadFile(file)
	check(err)
	signed, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(signed.Text, "\n")
	if lines[0] != verifier.Name() {
		log.Fatalf("the origin is %s, and the key's name %s", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	return checkpoint{size, hash(lines[2])}
}

// entries gives the hash of each entry of the bundles.
func entries(folder string, size int64) []tlog.Hash {
	var all []tlog.Hash
	for index := int64(0); int64(len(all)) < size; index++ {
		tile := tlog.Tile{H: height, L: 0, N: index, W: int(min(256, size-256*index))}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(folder, path))
		check(err)
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			all = append(all, tlog.RecordHash(bundle[2:2+length]))
			bundle = bundle[2+length:]
		}
	}
	return all
}

// reader reads tiles from a folder; C2SP's paths leave out the height.
type reader string

func (folder reader) Height() int { return height }

func (folder reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(string(folder), path))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (folder reader) SaveTiles([]tlog.Tile, [][]byte) {}

func hashes(texts []string) []tlog.Hash {
	var all []tlog.Hash
	for _, text := range texts {
		all = append(all, hash(text))
	}
	return all
}

func hash(text string) tlog.Hash {
	bytes, err := base64.StdEncoding.DecodeString(text)
	check(err)
	if len(bytes) != tlog.HashSize {
		log.Fatalf("%s is no hash", text)
	}
	return tlog.Hash(bytes)
}

func same(what string, found, expected tlog.Hash) {
	if found != expected {
		log.Fatalf("the %s is %v, and not %v", what, found, expected)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
