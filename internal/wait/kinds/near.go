package kinds

import "strings"

// Near is the built-in kind that a misspelt one is most like, "secret" for "secrte", or "" if none is like it. At most two
// letters may be wrong, missing, too many or swapped with their neighbour, and of less than six only one.
func Near(kind string) string {
	kind = strings.ToLower(kind)
	nearest, best := "", min(2, len(kind)/3)+1
	for _, name := range Names() {
		// Two letters are like too much.
		if d := distance(kind, name); len(name) > 2 && d < best {
			nearest, best = name, d
		}
	}
	return nearest
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to make a into b.
func distance(a, b string) int {
	// Row i holds the distances of a's first i letters to all beginnings of b.
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
