package webtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// unseen lists the titles of items that can't be seen in an open bell, not even by
// scrolling, and says so if the list scrolls although the panel could be higher.
const unseen = `((root) => {
	const box = (element) => element.getBoundingClientRect();
	const within = (a, b) => a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.left >= b.left - 1 && a.right <= b.right + 1;
	const panel = root.querySelector(".panel"), list = root.querySelector(".list");
	const found = [];
	if (!within(box(panel), { top: 0, left: 0, bottom: innerHeight, right: innerWidth })) found.push("panel");
	if (!within(box(list), box(panel))) found.push("list");
	if (list.scrollHeight > list.clientHeight && panel.offsetHeight < parseFloat(getComputedStyle(panel).maxHeight) - 1) found.push("list is low");
	for (const item of root.querySelectorAll(".item")) {
		item.scrollIntoView({ block: "nearest" });
		if (box(item).height < 40 || !within(box(item), box(list))) found.push(item.querySelector(".item-title").textContent);
	}
	list.scrollTo(0, 0);
	return found;
})(bell.shadowRoot)`

// sizes are those of a desktop's window and of a phone.
var sizes = map[string]int{"wide": 1024, "narrow": 390}

// TestBellShowsItsItemsInWebKit, the engine of Safari: few, and more than there is
// room for.
func TestBellShowsItsItemsInWebKit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 3)...)
	h.publish("jonas", texts(1, 15)...)
	page := testenv.WebKit(t)
	for user, count := range map[string]int{"mina": 3, "jonas": 15} {
		for name, width := range sizes {
			page.Open("http://"+h.network.Addr+"/index.html?"+as(user), width, 640)
			require.Eventually(t, func() bool { return page.Evaluate(fmt.Sprintf("window.client?.items.length === %d", count)) == "true" }, patience, tick)
			page.Evaluate("(bell.show(), Promise.allSettled(bell.shadowRoot.getAnimations().map(({ finished }) => finished)))")
			require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), user+"-"+name+".png"), page.Screenshot(), 0o600))
			require.Equal(t, strconv.Itoa(count), page.Evaluate(`bell.shadowRoot.querySelectorAll(".item").length`))
			require.Equal(t, "[]", page.Evaluate(unseen), "%s, %d wide", user, width)
		}
	}
}
