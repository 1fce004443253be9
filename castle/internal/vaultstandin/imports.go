package vaultstandin

import "slices"

// importBlock is one import of a folder as the API shows it.
type importBlock struct {
	SecretPath  string      `json:"secretPath"`
	Environment string      `json:"environment"`
	FolderID    string      `json:"folderId"`
	Secrets     []rawSecret `json:"secrets"`
}

// Import makes folder show the secrets of another one to who asks for imports, below its own and above those imported
// before. Both folders come into being.
func (s *Server) Import(folder, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addFolder(folder)
	s.addFolder(from)
	folder = cleanFolder(folder)
	s.imports[folder] = append(s.imports[folder], importOf{folderID: newUUID(), from: cleanFolder(from)})
}

// importOf is one import of a folder.
type importOf struct{ folderID, from string }

// showImports lists what a folder imports and the identity may read, in the order of Import. What an imported folder
// imports itself stands at the end of its block; a circle ends where it closes.
func (s *Server) showImports(q query, folder string, way []string) []importBlock {
	blocks := []importBlock{}
	way = append(slices.Clone(way), folder)
	for _, i := range s.imports[folder] {
		if slices.Contains(way, i.from) || !q.identity.mayRead(i.from) {
			continue
		}
		block := importBlock{SecretPath: i.from, Environment: s.environment, FolderID: i.folderID, Secrets: s.showFolder(q, i.from)}
		for _, deeper := range s.showImports(q, i.from, way) {
			block.Secrets = append(block.Secrets, deeper.Secrets...)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// imported finds a secret among a folder's imports: of several the import that was made last counts.
func (s *Server) imported(q query, name string) (rawSecret, bool) {
	for _, block := range slices.Backward(s.showImports(q, q.folder, nil)) {
		for _, secret := range block.Secrets {
			if secret.SecretKey == name {
				return secret, true
			}
		}
	}
	return rawSecret{}, false
}
