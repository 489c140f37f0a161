// A module of undici's that its index brings with all the others, and that its types do not name.
declare module "undici/lib/dispatcher/agent.js" {
  import { Agent } from "undici"

  export default Agent
}
