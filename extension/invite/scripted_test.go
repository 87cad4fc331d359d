package invite_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"paperplane/extension"
)

// scriptedKratos makes identities, or answers what a test says.
type scriptedKratos struct {
	mutex    sync.Mutex
	down     error
	existing map[string]extension.UserID // address → mark of the identity that is in the way
	foreign  map[string]bool             // addresses whose identity follows another schema
	refused  map[string]string
	gone     map[string]bool // conflicts once, and is not found
	made     map[string]int
	ids      map[string]extension.IdentityID // of what was made, by address
	slow     time.Duration                   // that every call takes
	moved    map[extension.IdentityID]string // the corrected address of each identity
	lost     map[extension.IdentityID]bool   // identities that are gone

	registered map[string]bool // addresses whose owners have a password

	unfound map[string]error  // addresses that can't be looked up
	panics  bool              // when one is looked up
	looked  map[string]int    // how often each was
	looking int               // how many are at this moment
	most    int               // and were at most
	meet    func(looking int) // what a look-up does first, if it is set
}

func (k *scriptedKratos) CreateIdentities(_ context.Context, asked []extension.NewIdentity) ([]extension.Created, error) {
	<-time.After(k.slow)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.down != nil {
		return nil, k.down
	}
	created := make([]extension.Created, len(asked))
	for i, a := range asked {
		_, taken := k.existing[a.Address]
		switch {
		case taken, k.gone[a.Address]:
			delete(k.gone, a.Address)
			created[i].Conflict = true
		case k.refused[a.Address] != "":
			created[i].Refused = k.refused[a.Address]
		default:
			if k.made == nil {
				k.made, k.ids = map[string]int{}, map[string]extension.IdentityID{}
			}
			if k.existing == nil {
				k.existing = map[string]extension.UserID{}
			}
			created[i].ID = extension.NewID[extension.IdentityID]()
			k.made[a.Address]++
			k.ids[a.Address], k.existing[a.Address] = created[i].ID, a.User
		}
	}
	return created, nil
}

// Readdress changes addresses, or answers what a test says.
func (k *scriptedKratos) Readdress(_ context.Context, id extension.IdentityID, user extension.UserID, address string) (extension.Created, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.down != nil {
		return extension.Created{}, k.down
	}
	if mark, taken := k.existing[address]; taken && mark != user {
		return extension.Created{Conflict: true}, nil
	}
	if reason := k.refused[address]; reason != "" {
		return extension.Created{Refused: reason}, nil
	}
	if k.moved == nil {
		k.moved = map[extension.IdentityID]string{}
	}
	if k.lost[id] {
		return extension.Created{}, extension.ErrNotFound
	}
	k.moved[id] = address
	return extension.Created{ID: id}, nil
}

func (k *scriptedKratos) FindByAddress(_ context.Context, address string) (extension.Identity, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.panics {
		panic("out of range")
	}
	if k.looked == nil {
		k.looked = map[string]int{}
	}
	k.looked[address]++
	k.looking++
	k.most = max(k.most, k.looking)
	looking := k.looking
	k.mutex.Unlock()
	if k.meet != nil {
		k.meet(looking)
	}
	<-time.After(k.slow)
	k.mutex.Lock()
	k.looking--
	if err := k.unfound[address]; err != nil {
		return extension.Identity{}, err
	}
	mark, ok := k.existing[address]
	if !ok {
		return extension.Identity{}, extension.ErrNotFound
	}
	id, made := k.ids[address]
	if !made {
		id = extension.NewID[extension.IdentityID]()
		if k.ids == nil {
			k.made, k.ids = map[string]int{}, map[string]extension.IdentityID{}
		}
		k.ids[address] = id
	}
	return extension.Identity{ID: id, Mark: mark, Registered: k.registered[address], Member: !k.foreign[address]}, nil
}

// scriptedPost accepts every letter as a provider that remembers keys does, or does what a test says.
type scriptedPost struct {
	mutex  sync.Mutex
	once   func(chunk extension.Chunk) ([]extension.Receipt, error)
	down   map[extension.OrganisationID]error                                                // for whose letters
	slow   time.Duration                                                                     // that every call takes
	begin  func(ctx context.Context, invitation extension.InvitationID, mark extension.Mark) // of each message, if it is set
	gate   chan struct{}                                                                     // that every call waits at, if it is set
	chunks []extension.Chunk                                                                 // as they were handed in, refused or not
	known  map[extension.ChunkID]string                                                      // the bytes of every key that was accepted
	boxes  map[string]int                                                                    // accepted messages by address
}

func (p *scriptedPost) Deliver(ctx context.Context, chunk extension.Chunk, mark extension.Mark) ([]extension.Receipt, error) {
	<-time.After(p.slow)
	if p.gate != nil {
		<-p.gate
	}
	if p.begin != nil {
		for _, r := range chunk.Recipients {
			p.begin(ctx, r.Invitation, mark)
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.chunks = append(p.chunks, chunk)
	if err := p.down[chunk.Organisation]; err != nil {
		return nil, err
	}
	if once := p.once; once != nil {
		p.once = nil
		return once(chunk)
	}
	return p.accept(chunk)
}

// accept keeps each key's bytes, and takes none twice.
func (p *scriptedPost) accept(chunk extension.Chunk) ([]extension.Receipt, error) {
	bytes := fmt.Sprintf("%+v", chunk)
	if known, ok := p.known[chunk.ID]; ok {
		if known != bytes {
			return nil, extension.ErrConflict
		}
		return accepted(chunk), nil
	}
	if p.known == nil {
		p.known, p.boxes = map[extension.ChunkID]string{}, map[string]int{}
	}
	p.known[chunk.ID] = bytes
	for _, r := range chunk.Recipients {
		p.boxes[r.Address]++
	}
	return accepted(chunk), nil
}

// Memory is longer than any test.
func (p *scriptedPost) Memory() time.Duration { return 23 * time.Hour }

func accepted(chunk extension.Chunk) []extension.Receipt {
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	for i, r := range chunk.Recipients {
		receipts[i] = extension.Receipt{Invitation: r.Invitation, MessageID: "message " + string(r.Invitation)}
	}
	return receipts
}
