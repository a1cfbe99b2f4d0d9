//go:build tools

package quorumnode

import _ "github.com/ethereum/go-ethereum/cmd/geth"
