import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { type DefaultTreeAdapterTypes, parse } from "parse5"
import * as HtmlReport from "../../../src/cli/report/HtmlReport.ts"
import * as Pages from "./Pages.ts"

type Element = DefaultTreeAdapterTypes.Element
type Node = DefaultTreeAdapterTypes.ChildNode | DefaultTreeAdapterTypes.Document

const isElement = (node: Node): node is Element => "tagName" in node

const all = (node: Node): ReadonlyArray<Element> =>
  "childNodes" in node ? node.childNodes.flatMap((child) => (isElement(child) ? [child, ...all(child)] : [])) : []

const named = (node: Node, ...tags: ReadonlyArray<string>) => all(node).filter(({ tagName }) => tags.includes(tagName))

const attribute = (element: Element, name: string) => element.attrs.find((one) => one.name === name)?.value

const number = (element: Element, name: string) => Number(attribute(element, name))

const textOf = (node: Node): string =>
  node.nodeName === "#text" && "value" in node
    ? node.value
    : "childNodes" in node
      ? node.childNodes.map(textOf).join("")
      : ""

const flat = (text: string) => text.replaceAll(/\s+/g, " ").trim()

const page = (kind: string) => parse(Pages.texts.find(([name]) => name === kind)?.[1] ?? assert.fail(kind))

const rows = (kind: string, section: string) => {
  const found = named(page(kind), "section").find((one) => attribute(one, "aria-labelledby") === section)
  return named(found ?? assert.fail(`There is no ${section}.`), "tr").map((row) =>
    named(row, "th", "td").map((cell) => flat(textOf(cell)))
  )
}

const hasClass = (element: Element, name: string) => (attribute(element, "class") ?? "").split(" ").includes(name)

describe("the report as a page", () => {
  for (const [kind, text] of Pages.texts) {
    const errors: Array<string> = []
    const document = parse(text, { onParseError: ({ code }) => errors.push(code) })
    const elements = all(document)

    describe(kind, () => {
      it("is well-formed, with one heading, a title, a language, and ids that are there once", () => {
        assert.deepStrictEqual(errors, [])
        assert.lengthOf(named(document, "h1"), 1)
        assert.strictEqual(attribute(named(document, "html")[0] ?? assert.fail(), "lang"), "en")
        assert.include(
          textOf(named(document, "title")[0] ?? assert.fail()),
          textOf(named(document, "h1")[0] ?? assert.fail())
        )
        const ids = elements.flatMap((element) => attribute(element, "id") ?? [])
        assert.deepStrictEqual([...new Set(ids)], ids)
        for (const element of elements) {
          for (const name of ["aria-labelledby", "aria-describedby"]) {
            const id = attribute(element, name)
            if (id !== undefined) assert.include(ids, id)
          }
        }
      })

      it("loads nothing, runs nothing, and lets nothing through but its own style", () => {
        assert.deepStrictEqual(named(document, "script", "link", "img", "iframe", "object", "embed", "a", "form"), [])
        for (const element of elements) {
          for (const { name, value } of element.attrs) {
            assert.notMatch(name, /^on|^style$|href|src|action|data$|poster|background/, `${element.tagName} ${name}`)
            if (name !== "content") assert.notMatch(value, /url\(|javascript:/)
          }
        }
        const styles = named(document, "style").map(textOf)
        assert.lengthOf(styles, 1)
        assert.notMatch(styles[0] ?? "", /url\(|@import|https?:/)
        const policies = named(document, "meta").filter(
          (meta) => attribute(meta, "http-equiv") === "Content-Security-Policy"
        )
        const hash = createHash("sha256")
          .update(styles[0] ?? "")
          .digest("base64")
        assert.deepStrictEqual(
          policies.map((meta) => attribute(meta, "content")),
          [`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`]
        )
      })

      it("names and describes every picture, and tells its figures as a table", () => {
        for (const svg of named(document, "svg")) {
          if (attribute(svg, "aria-hidden") === "true") continue
          assert.strictEqual(attribute(svg, "role"), "img")
          const [title, desc] = ["aria-labelledby", "aria-describedby"]
            .map((name) => attribute(svg, name) ?? "")
            .map((id) => flat(textOf(elements.find((element) => attribute(element, "id") === id) ?? assert.fail(id))))
          assert.isAbove(title?.length ?? 0, 10)
          assert.isAbove(desc?.length ?? 0, 10)
          assert.strictEqual(svg.childNodes.filter(isElement)[0]?.tagName, "title")
        }
        for (const section of named(document, "section")) {
          const charts = named(section, "svg").filter((svg) => hasClass(svg, "chart"))
          assert.include([0, 2], charts.length, "one for wide windows, one for narrow ones")
          if (charts.length > 0) assert.isAbove(named(section, "tbody")[0]?.childNodes.length ?? 0, 0)
        }
      })

      it("has the labels of its charts inside, and apart from each other", () => {
        for (const svg of named(document, "svg").filter((svg) => hasClass(svg, "chart"))) {
          const [, , width = 0, height = 0] = (attribute(svg, "viewBox") ?? "").split(" ").map(Number)
          const boxes = named(svg, "text").map((text) => {
            const label = textOf(text)
            // Wider than the usual fonts are.
            const wide = [...label].length * 13 * 0.6
            const x = number(text, "x")
            const anchor = attribute(text, "text-anchor") ?? "start"
            const left = anchor === "end" ? x - wide : anchor === "middle" ? x - wide / 2 : x
            const y = number(text, "y")
            return { label, left, right: left + wide, top: y - 11, bottom: y + 3 }
          })
          for (const [index, box] of boxes.entries()) {
            const where = `${attribute(svg, "aria-labelledby")} ${box.label}`
            assert.isAtLeast(box.top, 0, where)
            assert.isAtMost(box.bottom, height, where)
            assert.isAtLeast(box.left, -1, where)
            assert.isAtMost(box.right, width + 1, where)
            for (const other of boxes.slice(index + 1)) {
              const apart =
                box.right <= other.left || other.right <= box.left || box.bottom <= other.top || other.bottom <= box.top
              assert.isTrue(apart, `${where} and ${other.label}`)
            }
          }
          for (const shape of named(svg, "path")) assert.notMatch(attribute(shape, "d") ?? "", /NaN|Infinity|undefined/)
        }
        assert.notMatch(text.replace(/<style>[\s\S]*<\/style>/, ""), /NaN|Infinity|undefined|\[object/)
      })
    })
  }

  it("escapes whatever is put in: names, commands, reasons", () => {
    const text = HtmlReport.render(Pages.pages.hostile ?? assert.fail())
    const document = parse(text)
    const commands = named(document, "pre").map(textOf)
    assert.include(commands[0], Pages.hostile)
    assert.include(commands[0], "\\u202egpj.exe", "what turns the direction of a text is shown")
    assert.strictEqual(commands[1], Pages.hostile)
    assert.include(rows("hostile", "refused")[1]?.[0], Pages.hostile.replaceAll(/\s+/g, " "))
    const plain = HtmlReport.render(Pages.pages.delivered ?? assert.fail())
    assert.deepStrictEqual(
      [...new Set(all(document).map(({ tagName }) => tagName))].sort(),
      [...new Set([...all(parse(plain)).map(({ tagName }) => tagName), "pre", "code"])].sort(),
      "no element comes from what is put in"
    )
  })

  it("accounts for every record in the table of outcomes", () => {
    assert.deepStrictEqual(rows("refused", "outcomes"), [
      ["Outcome", "Records", "Share"],
      ["AppliedThe vendor has applied it.", "9,876,543", "98.77 %"],
      ["AcceptedThe vendor has taken it over and applies it later.", "100,000", "1.00 %"],
      ["MergedFolded into a later record of the same customer.", "12,000", "0.12 %"],
      ["Skipped", "0", "0 %"],
      ["RejectedRefused, before sending or by the vendor.", "11,450", "0.11 %"],
      ["UnknownSent, and what became of it is not known.", "7", "<0.01 %"],
      ["Unsent", "0", "0 %"],
      ["Records read", "10,000,000", "100 %"]
    ])
  })

  it("lists the reasons by how many records they took, with their first offsets", () => {
    assert.deepStrictEqual(rows("refused", "refused"), [
      ["Reason", "First offsets", "Records"],
      ["SchemaMismatchA field does not fit.", "12 · 9,999,991 · 9,999,992 · 9,999,993 · 9,999,994 …", "9,000"],
      ["BadRequestThe vendor refused it (400).", "0 · 1 · 2 · 3 · 4 …", "2,400"],
      ["MalformedThe line cannot be read as a record.", "5 · 77 …", "50"],
      [
        "SettleDeadlineThe batch was not finished in time.",
        "9,000,000 · 9,000,001 · 9,000,002 · 9,000,003 · 9,000,004 …",
        "7"
      ]
    ])
  })

  it("names the batches that were not settled in time", () => {
    assert.include(textOf(page("refused")), "Batches not settled in time7, first b-1, b-2")
    assert.notInclude(textOf(page("delivered")), "settled in time")
  })

  it("shows the percentiles of latency", () => {
    assert.deepStrictEqual(rows("delivered", "latency").slice(1), [
      ["Half took at most", "5.3 ms"],
      ["90 % took at most", "42 ms"],
      ["95 % took at most", "80 ms"],
      ["99 % took at most", "640 ms"],
      ["The longest took", "1.5 s"]
    ])
  })

  it("shows throughput, requests in flight and waits over the whole time", () => {
    const sum = (cells: ReadonlyArray<ReadonlyArray<string>>, column: number) =>
      cells.slice(1).reduce((total, row) => total + Number(row[column]?.replaceAll(",", "")), 0)
    assert.closeTo(sum(rows("delivered", "throughput"), 1), 100_000, 60)
    assert.strictEqual(
      Math.max(
        ...rows("delivered", "concurrency")
          .slice(1)
          .map(([, , most]) => Number(most))
      ),
      8
    )
    assert.deepStrictEqual(rows("delivered", "waits")[0], ["From", "Rate", "Pause", "Backoff", "Breaker", "Quota"])
    assert.strictEqual(rows("refused", "throughput").at(-1)?.[0], "2 d 23 h", "three days fit as well")
  })

  for (const [kind, badge, headline, next] of [
    ["delivered", "Finished", "All 100,000 records delivered", []],
    [
      "refused",
      "Finished, not all delivered",
      "9,988,543 of 10,000,000 records delivered",
      ["Put the causes right, then send the refused records again:"]
    ],
    ["interrupted", "Interrupted", "Interrupted after 40,001 records", ["Go on from where this run stopped:"]],
    [
      "limited",
      "Stopped as asked, not all delivered",
      "99 of 100 records delivered",
      ["Go on from where this run stopped:"]
    ],
    ["resumed", "Finished", "All 100,000 records delivered", []],
    ["stopped", "Stopped", "Stopped after 12,000 records", ["Run it again, from the start:"]],
    ["one", "Finished", "The one record was delivered", []],
    ["none", "Nothing to do", "There were no records", []],
    ["nothing new", "Nothing new", "An earlier run had come to the end", []]
  ] as const) {
    it(`says of a run of the kind "${kind}" how it ended, and what to do next`, () => {
      const document = page(kind)
      assert.strictEqual(flat(textOf(named(document, "h1")[0] ?? assert.fail())), headline)
      assert.strictEqual(
        named(document, "p")
          .filter((one) => hasClass(one, "badge"))
          .map((one) => flat(textOf(one)))
          .join(),
        badge
      )
      const section = named(document, "section").find((one) => attribute(one, "aria-labelledby") === "next")
      assert.deepStrictEqual(section === undefined ? [] : named(section, "p").map((one) => flat(textOf(one))), [
        ...next
      ])
    })
  }

  it("draws nothing where there is nothing to draw", () => {
    for (const kind of ["none", "nothing new"])
      assert.lengthOf(
        named(page(kind), "svg").filter((svg) => hasClass(svg, "chart")),
        0
      )
    assert.include(textOf(page("delivered")), "Refused records\nNone.")
    assert.include(textOf(page("one")), "No request had to wait.")
  })

  it("says that a run which went on counts the ones before it", () => {
    const text = flat(textOf(named(page("resumed"), "main")[0] ?? assert.fail()))
    assert.include(text, "Went on fromoffset 40,000")
    assert.include(text, "Those of the runs before this one are counted too.")
    assert.include(text, "60,000 records in 18 s", "and its charts are its own")
  })

  it("says what rate limit was found, and how to start with it next time", () => {
    const text = flat(textOf(named(page("resumed"), "main")[0] ?? assert.fail()))
    assert.include(text, "found a limit of about 98 requests a second")
    assert.match(text, /; 4\.9\s% of the requests were refused whatever the rate/)
    assert.include(text, "Next timeadd --rate-limit 98/1s")
    assert.notInclude(textOf(page("delivered")), "Rate limit\nfound")
  })

  it("is the same text for the same run", () => {
    for (const [kind, text] of Pages.texts)
      assert.strictEqual(HtmlReport.render(Pages.pages[kind] ?? assert.fail()), text)
  })
})
