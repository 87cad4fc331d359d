package config

import (
	"errors"
	"fmt"
	"strings"
)

// parseLinkKeys takes a list of {id, secret}, or id:secret pairs separated by commas.
func parseLinkKeys(value any) ([]LinkKey, error) {
	var pairs []any
	switch typed := value.(type) {
	case string:
		for pair := range strings.SplitSeq(typed, ",") {
			id, secret, _ := strings.Cut(strings.TrimSpace(pair), ":")
			pairs = append(pairs, map[string]any{"id": id, "secret": secret})
		}
	case []any:
		pairs = typed
	default:
		return nil, errors.New("is not a list of keys, each with id and secret")
	}
	if len(pairs) == 0 {
		return nil, errors.New("is empty; links need at least one key")
	}
	keys := make([]LinkKey, 0, len(pairs))
	seen := make(map[string]bool, len(pairs))
	for i, pair := range pairs {
		key, err := parseLinkKey(pair)
		if err != nil {
			return nil, fmt.Errorf("key %d %w", i+1, err)
		}
		if seen[key.ID] {
			return nil, fmt.Errorf("key %d has the id %q of a key before it; every key needs its own", i+1, key.ID)
		}
		seen[key.ID] = true
		keys = append(keys, key)
	}
	return keys, nil
}

func parseLinkKey(pair any) (LinkKey, error) {
	fields, ok := pair.(map[string]any)
	if !ok {
		return LinkKey{}, errors.New("is not a pair of id and secret")
	}
	for name := range fields {
		if name != "id" && name != "secret" {
			return LinkKey{}, fmt.Errorf("has the unknown field %q; only id and secret are taken", name)
		}
	}
	id, err := parseText(fields["id"])
	if err != nil {
		return LinkKey{}, fmt.Errorf("has an id that %w", err)
	}
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return LinkKey{}, errors.New("has no id of lower-case letters and digits, such as k1")
	}
	secret, err := parseKey(fields["secret"])
	if err != nil {
		return LinkKey{}, fmt.Errorf("has a secret that %w", err)
	}
	return LinkKey{ID: id, Secret: secret}, nil
}
