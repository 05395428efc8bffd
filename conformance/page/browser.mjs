/** A headless Chromium: the one of BALLISTA_BROWSER, of this machine, or of the npm package; undefined where none of them runs. */
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const INSTALLED = [
  process.env.BALLISTA_BROWSER,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** It loads pages of this machine and nothing else. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function launchBrowser() {
  for (const find of [installed, packaged]) {
    try {
      const choice = await find()
      if (choice !== undefined) return await chromium.launch({ headless: true, ...choice })
    } catch (error) {
      console.error(`this browser does not start: ${error.message.split('\n')[0]}`)
    }
  }
  return undefined
}

function installed() {
  const executablePath = INSTALLED.find(path => path !== undefined && existsSync(path))
  return executablePath === undefined ? undefined : { executablePath, args: FLAGS }
}

/** Built for Linux; it unpacks itself at the first use. */
async function packaged() {
  if (process.platform !== 'linux') return undefined
  const { default: sparticuz } = await import('@sparticuz/chromium')
  return { executablePath: await sparticuz.executablePath(), args: FLAGS }
}
