/** Where an API is served, and whether credentials may be sent there. */
import * as Effect from "effect/Effect"
import { InvalidConfiguration } from "./InvalidConfiguration.ts"

// RFC 6761 §6.3 reserves `localhost` and the names below it for loopback.
const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)

/**
 * The base URL without a trailing slash. It must be `https:`, unless it is loopback or `allowInsecure` is
 * set, and must carry neither credentials nor a query nor a fragment.
 */
export const make = (
  option: string,
  baseUrl: string | URL,
  allowInsecure: boolean | undefined
): Effect.Effect<string, InvalidConfiguration> => {
  const refuse = (problem: string) => Effect.fail(new InvalidConfiguration({ option, problem }))
  if (!URL.canParse(baseUrl)) return refuse("is not a URL. Give it with its scheme, such as https://api.example.com")
  const url = new URL(baseUrl)
  if (url.protocol !== "https:" && url.protocol !== "http:") return refuse("is neither https: nor http:")
  if (url.username !== "" || url.password !== "") return refuse("holds credentials. Give them on their own")
  if (url.search !== "" || url.hash !== "") return refuse("holds a query or a fragment. Leave them out")
  if (url.protocol === "http:" && allowInsecure !== true && !isLoopback(url.hostname)) {
    return refuse(
      `is http:, which would send credentials in the clear. Use https:${allowInsecure === false ? "" : ", or set allowInsecure"}`
    )
  }
  return Effect.succeed(url.href.replace(/\/+$/, ""))
}
