/** Pages of one site, what they load and complain of, and pictures of them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'

export function visitor(browser, origin, folder) {
  const complaints = []
  const strangers = []
  return {
    get: async path => (await fetch(`${origin}${path}`)).json(),

    /** `before` may answer requests in the server's place. */
    async open(hash, { dark = false, height = 900, before = async () => undefined } = {}) {
      const page = await browser.newPage({
        viewport: { width: 1440, height },
        colorScheme: dark ? 'dark' : 'light',
      })
      page.on('console', message => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
      page.on('pageerror', error => complaints.push(error.message))
      page.on('dialog', dialog => complaints.push(`a dialog: ${dialog.message()}`) && dialog.dismiss())
      page.on('request', request => request.url().startsWith(origin) || strangers.push(request.url()))
      await before(page)
      await page.goto(`${origin}/${hash}`)
      return page
    },

    async picture(page, name, selector, { keep = false } = {}) {
      if (selector !== undefined) await page.locator(selector).first().waitFor()
      await page.screenshot({ path: join(folder, `${name}.png`) })
      if (!keep) await page.close()
    },

    checkManners() {
      assert.deepEqual(complaints, [], 'the browser has nothing to complain of')
      assert.deepEqual(strangers, [], 'nothing is loaded from elsewhere')
    },
  }
}
