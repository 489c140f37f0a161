import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Picture from "./picture.ts"

const drawn = Picture.draw()

describe("the picture of a run", () => {
  it("is what the finder does now: where it is not, npm run picture makes it so", () => {
    assert.isTrue(readFileSync(Picture.path, "utf8") === drawn, "docs/rate-limits.svg is of another finder")
  })

  it("is drawn the same each time", () => {
    assert.strictEqual(Picture.draw(), drawn)
  })

  it("is on the page", () => {
    const page = readFileSync(join(Picture.path, "../rate-limits.md"), "utf8")
    assert.match(page, /!\[[^\]]+\]\(rate-limits\.svg\)/)
  })

  it("stands alone, for light and for dark pages", () => {
    assert.match(drawn, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]+<\/svg>\n$/)
    assert.include(drawn, "@media (prefers-color-scheme:dark)")
    assert.notMatch(drawn.replace(/xmlns="[^"]+"/, ""), /https?:|<script|url\(|NaN|undefined|Infinity/)
  })

  // What its text on the page says, as far as the finder's promises go.
  it("shows a limit that is found and followed, and 429s that do not slow it down", () => {
    const { answers, believed } = Picture.run()
    const at = (second: number) => believed.findLast(({ at }) => at <= second * 1000)?.limit
    const sent = (second: number) => answers.filter(({ at }) => Math.floor(at / 1000) === second).length
    assert.closeTo(at(30) ?? 0, 100, 5)
    assert.closeTo(at(60) ?? 0, 50, 5)
    assert.closeTo(at(99) ?? 0, 100, 5)
    assert.isUndefined(at(135))
    assert.isAtLeast(sent(135), 350)
  })
})
