/** What the page asks its scheduler; docs/rest.md says what comes back. */

export async function getJson(path) {
  const response = await fetch(path)
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error?.message ?? `${path}: ${response.status}`)
  return answer
}

/** Nothing, or why it was not cancelled. */
export async function cancelJob(jobId) {
  const response = await fetch(`/api/job/${encodeURIComponent(jobId)}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ cancelled: true }),
  })
  if (response.ok) return undefined
  const answer = await response.json()
  return answer.reason ?? answer.error?.message ?? `status ${response.status}`
}

/**
 * Follows server-sent events: `on` has a listener for each kind, `trouble` hears what is wrong, or '' when nothing is. The browser dials
 * again by itself unless it was refused, and every stream begins with the whole state. Gives the function that ends it.
 */
export function follow(path, { on, trouble }) {
  const source = new EventSource(path)
  source.addEventListener('open', () => trouble(''))
  source.addEventListener('error', () =>
    trouble(
      source.readyState === EventSource.CLOSED ? 'The scheduler refuses to say more' : 'Connection lost, trying again…',
    ),
  )
  for (const [kind, listener] of Object.entries(on))
    source.addEventListener(kind, event => listener(JSON.parse(event.data)))
  return () => source.close()
}

/** Calls `ask` now and `everyMs` after each answer; gives the function that ends it. */
export function repeatedly(everyMs, ask) {
  let timer
  let stopped = false
  const again = async () => {
    await ask()
    if (!stopped) timer = setTimeout(again, everyMs)
  }
  void again()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
