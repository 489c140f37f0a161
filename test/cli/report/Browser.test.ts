import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Browser, chromium, type Page } from "playwright-core"
import * as Chromium from "../../browser/Browser.ts"
import * as Look from "./Look.ts"
import * as Pages from "./Pages.ts"

const found = await Chromium.find()
if (found === undefined) process.stderr.write(`The report is not looked at in a browser: ${Chromium.howToGet}.\n`)

/** What WCAG 2.2 asks for at level AA, and the smallest text that a chart may have, in pixels. */
const least = { size: 11, text: 4.5, shape: 3 }

const none = { sideways: 0, outside: [], overlapping: [], small: [], faint: [] }

const windows = [
  { name: "a desktop window", width: 1280, height: 900 },
  { name: "a phone", width: 390, height: 844 },
  { name: "a small phone", width: 320, height: 640 },
  { name: "a window of the width at which the layout changes", width: 800, height: 900 }
]

const charted = ["delivered", "limited", "refused", "interrupted", "resumed", "stopped", "short", "one", "hostile"]

describe.skipIf(found === undefined)("the report in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-report-"))
  let browser: Browser | undefined

  beforeAll(async () => {
    for (const [kind, text] of Pages.texts) writeFileSync(join(folder, `${kind}.html`), text)
    browser = await chromium.launch(found ?? {})
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const browse = async (
    viewport: { readonly width: number; readonly height: number },
    use: (page: Page, seen: { readonly requests: Array<string>; readonly messages: Array<string> }) => Promise<void>
  ) => {
    const context = await (browser ?? assert.fail("There is no browser.")).newContext({
      viewport,
      javaScriptEnabled: false
    })
    try {
      const page = await context.newPage()
      const requests: Array<string> = []
      const messages: Array<string> = []
      page.on("request", (request) => requests.push(request.url()))
      page.on("console", (message) => messages.push(message.text()))
      await use(page, { requests, messages })
    } finally {
      await context.close()
    }
  }

  const open = (page: Page, kind: string) => page.goto(pathToFileURL(join(folder, `${kind}.html`)).href)

  for (const { height, name, width } of windows) {
    it(`fits ${name}, light and dark: nothing is cut off, covered, faint or too small, without JavaScript`, async () => {
      await browse({ width, height }, async (page, { messages, requests }) => {
        for (const [kind] of Pages.texts) {
          requests.length = 0
          await open(page, kind)
          for (const colorScheme of ["light", "dark"] as const) {
            await page.emulateMedia({ colorScheme })
            const { charts, styled, texts, ...faults } = await page.evaluate(Look.look, least)
            assert.deepStrictEqual(faults, none, `${kind}, ${colorScheme}`)
            assert.isTrue(styled)
            assert.isAbove(texts, 20)
            assert.strictEqual(charts > 0, charted.includes(kind), kind)
            assert.isAtMost(charts, 4, "of each chart one size is seen")
          }
          assert.lengthOf(requests, 1, "the page itself, and nothing else")
        }
        assert.deepStrictEqual(messages, [], "nothing was held back")
      })
    })
  }

  it("still fits a phone when all figures are shown", async () => {
    await browse({ width: 390, height: 844 }, async (page) => {
      for (const kind of ["refused", "interrupted"]) {
        await open(page, kind)
        for (const summary of await page.locator("summary").all()) await summary.click()
        const { charts, styled, texts, ...faults } = await page.evaluate(Look.look, least)
        assert.deepStrictEqual(faults, none, kind)
        assert.isAbove(texts, 300, "the tables are open")
      }
    })
  })

  it("gives each picture to a screen reader once, with a name and a description", async () => {
    for (const width of [1280, 390]) {
      await browse({ width, height: 900 }, async (page) => {
        await open(page, "interrupted")
        const session = await page.context().newCDPSession(page)
        const { nodes } = await session.send("Accessibility.getFullAXTree")
        const told = (...roles: ReadonlyArray<string>) =>
          nodes.filter(({ ignored, role }) => !ignored && roles.includes(String(role?.value)))
        assert.deepStrictEqual(
          told("image", "img").map(({ description, name }) => [name?.value, /\d/.test(String(description?.value))]),
          [
            ["Outcomes as parts of all records", true],
            ["Throughput over time, in records per second", true],
            ["Requests in flight over time", true],
            ["Waits over time, by reason, as parts of the time", true],
            ["Latency of requests, by percentile", true]
          ]
        )
        assert.deepStrictEqual(
          told("heading").map(({ name }) => name?.value),
          [
            ...["Interrupted after 40,001 records", "What to do next", "Outcomes", "Refused records"],
            ...["Throughput", "Concurrency", "Waits", "Latency"]
          ].map((name) => name.replace("1 r", "1\u00a0r"))
        )
      })
    }
  })

  it("runs nothing that a file name, a reason or a command brings", async () => {
    await browse({ width: 1280, height: 900 }, async (page, { messages, requests }) => {
      await open(page, "hostile")
      assert.match(await page.title(), /^Stopped after/)
      assert.strictEqual(await page.locator("img, script").count(), 0)
      assert.lengthOf(requests, 1)
      assert.deepStrictEqual(messages, [])
    })
  })

  it("prints dark on white, with the wide charts, also where the screen is dark", async () => {
    // As wide as a sheet of A4 between its margins.
    await browse({ width: 673, height: 1000 }, async (page) => {
      await page.emulateMedia({ media: "print", colorScheme: "dark" })
      await open(page, "refused")
      const { charts, styled, texts, ...faults } = await page.evaluate(Look.look, { ...least, size: 10 })
      assert.deepStrictEqual(faults, none)
      assert.strictEqual(charts, 4)
      assert.strictEqual(await page.locator("svg.wide:visible").count(), 4)
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      assert.strictEqual(ground, "rgb(255, 255, 255)")
    })
  })
})
