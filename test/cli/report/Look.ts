/** What a page looks like: run in the page itself, so that it must stand alone. */

export interface Look {
  /** How much wider the page is than its window. */
  readonly sideways: number
  /** Texts that reach out of the window, or out of their chart. */
  readonly outside: ReadonlyArray<string>
  /** Pairs of texts that lie over each other. */
  readonly overlapping: ReadonlyArray<string>
  /** Texts smaller than can be read, with their size. */
  readonly small: ReadonlyArray<string>
  /** Texts and shapes that do not stand out from their ground, with the contrast. */
  readonly faint: ReadonlyArray<string>
  readonly texts: number
  readonly charts: number
  /** Whether the style sheet was let through. */
  readonly styled: boolean
}

export const look = (least: { readonly size: number; readonly text: number; readonly shape: number }): Look => {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number]
  const colour = (value: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (value.match(/[\d.]+/g) ?? []).map(Number)
    return [red, green, blue, alpha]
  }
  const luminance = (channels: Colour): number => {
    const [red, green, blue] = channels.slice(0, 3).map((channel) => {
      const share = channel / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0)
  }
  const contrast = (a: Colour, b: Colour): number => {
    const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((one, other) => one - other)
    return (light + 0.05) / (dark + 0.05)
  }
  const groundOf = (element: Element | null): Colour => {
    if (element === null) return [255, 255, 255, 1]
    const ground = colour(getComputedStyle(element).backgroundColor)
    return ground[3] === 1 ? ground : groundOf(element.parentElement)
  }
  const isSeen = (element: Element): boolean => element.checkVisibility({ visibilityProperty: true })

  const outside: Array<string> = []
  const small: Array<string> = []
  const faint: Array<string> = []
  const overlapping: Array<string> = []
  const boxes: Array<{ readonly text: string; readonly box: DOMRect }> = []
  const inside = (box: DOMRect, left: number, right: number) => box.left >= left - 1 && box.right <= right + 1

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const parent = node.parentElement
    const text = (node.textContent ?? "").trim()
    if (text === "" || parent === null || parent.closest("title, desc, style") !== null || !isSeen(parent)) continue
    const style = getComputedStyle(parent)
    const chart = parent.closest("svg")
    const range = document.createRange()
    range.selectNodeContents(node)
    for (const box of range.getClientRects()) {
      if (box.width === 0) continue
      // A line's box is higher than its letters.
      const slack = box.height / 5
      boxes.push({ text, box: new DOMRect(box.x, box.y + slack, box.width, box.height - 2 * slack) })
      if (!inside(box, 0, innerWidth)) outside.push(text)
      const frame = chart?.getBoundingClientRect()
      if (
        frame !== undefined &&
        (!inside(box, frame.left, frame.right) || box.top < frame.top - 4 || box.bottom > frame.bottom + 4)
      ) {
        outside.push(`${text} (of its chart)`)
      }
    }
    const scale = chart === null ? 1 : (chart.getScreenCTM()?.a ?? 1)
    const size = Number.parseFloat(style.fontSize) * scale
    if (size < least.size) small.push(`${text}: ${size.toFixed(1)}`)
    const ratio = contrast(colour(chart === null ? style.color : style.fill), groundOf(parent))
    if (ratio < least.text) faint.push(`${text}: ${ratio.toFixed(2)}`)
  }
  for (const shape of document.querySelectorAll(
    "svg .line, svg .dot, svg .axis, svg.parts rect, .swatch, .badge svg"
  )) {
    if (!isSeen(shape)) continue
    const style = getComputedStyle(shape)
    const ratio = contrast(colour(style.stroke === "none" ? style.fill : style.stroke), groundOf(shape))
    if (ratio < least.shape) faint.push(`${shape.getAttribute("class")}: ${ratio.toFixed(2)}`)
  }
  for (const [index, { box, text }] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) {
      const width = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left)
      const height = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top)
      if (width > 1 && height > 1) overlapping.push(`${text} and ${other.text}`)
    }
  }
  return {
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    outside,
    overlapping,
    small,
    faint,
    texts: boxes.length,
    charts: [...document.querySelectorAll("svg.chart")].filter(isSeen).length,
    styled: getComputedStyle(document.body).margin === "0px"
  }
}
