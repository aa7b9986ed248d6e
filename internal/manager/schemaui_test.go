package manager

import (
	"regexp"
	"strings"
	"testing"
)

// The page shows the depth of the schema, and loads nothing from anywhere.
func TestSchemaPage(t *testing.T) {
	page, err := renderSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<b>trust-anchors-files</b>", "<b>read-only</b>", "<b>threshold</b>", "default <code>"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if loads := regexp.MustCompile(`(?i)<script|<link|src=|@import|url\(`).FindAll(page, -1); loads != nil {
		t.Errorf("the page loads: %q", loads)
	}
}
