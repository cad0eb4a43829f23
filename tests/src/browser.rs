//! A headless Chromium that clicks and types as a person does, spoken to in its own protocol (`DevTools`) over pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use uuid::Uuid;

use crate::environment::scratch;
use crate::eventually::eventually;

/// How long a page, or anything on it, may take.
const SOON: Duration = Duration::from_secs(30);

/// Chromium reads commands from descriptor 3 and answers on 4; a child begins with 0 to 2.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// A browser with one page. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    profile: PathBuf,
    talk: AsyncMutex<Talk>,
    complaints: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
struct Talk {
    to: ChildStdin,
    answers: mpsc::UnboundedReceiver<Value>,
    last_id: u64,
    session: Option<String>,
}

impl Browser {
    /// Starts Chromium with an empty profile. It reaches this machine and nothing else.
    ///
    /// # Panics
    /// When there is no Chromium.
    pub async fn start() -> Self {
        let profile = scratch().join(format!("chromium-{}", Uuid::now_v7().simple()));
        let mut child = Command::new("sh")
            .args(["-c", PIPES, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let to = child.stdin.take().expect("it was asked for");
        let from = BufReader::new(child.stdout.take().expect("it was asked for"));
        let (told, answers) = mpsc::unbounded_channel();
        let complaints: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&complaints);
        std::thread::spawn(move || {
            for message in from.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
                if message["method"] == "Log.entryAdded" && message["params"]["entry"]["level"] == "error" {
                    heard.lock().push(message["params"]["entry"]["text"].to_string());
                }
                if message["id"].is_u64() && told.send(message).is_err() {
                    return;
                }
            }
        });
        let talk = AsyncMutex::new(Talk { to, answers, last_id: 0, session: None });
        let browser = Self { child, profile, talk, complaints };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let target = target.expect("Chromium is installed: `./dev test` does it")["targetId"].clone();
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await;
        browser.talk.lock().await.session =
            attached.expect("attached")["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Log.enable"] {
            browser.call(domain, json!({})).await.expect("enabled");
        }
        browser
    }

    /// What the browser had to complain about so far: blocked by the page's own policy, not found, and the like.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    /// Goes to a page and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await.expect("it goes there");
        eventually(&format!("{url} is there"), SOON, || async {
            let is =
                self.evaluate("document.readyState === 'complete' && location.href !== 'about:blank'").await;
            (is.ok()? == true).then_some(())
        })
        .await;
    }

    /// The text of the first element of this selector, as people see it, once it contains `part`.
    pub async fn sees(&self, selector: &str, part: &str) -> String {
        let script = format!("document.querySelector({})?.innerText", json!(selector));
        let seen = Mutex::new(Value::Null);
        let look = || async {
            let text = self.evaluate(&script).await.ok()?;
            let found = text.as_str().filter(|it| it.contains(part)).map(str::to_owned);
            *seen.lock() = text;
            found
        };
        match tokio::time::timeout(SOON, eventually("it is seen", SOON * 2, look)).await {
            Ok(text) => text,
            Err(_elapsed) => panic!("{selector} does not say {part:?} but {}", seen.lock()),
        }
    }

    /// Clicks into the middle of the first element of this selector.
    pub async fn click(&self, selector: &str) {
        let script = format!(
            "(() => {{ const it = document.querySelector({}); if (!it) return null;
                it.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const at = it.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; }})()",
            json!(selector)
        );
        let at = eventually(&format!("{selector} is there"), SOON, || async {
            self.evaluate(&script).await.ok().filter(Value::is_array)
        })
        .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await.expect("clicked");
        }
    }

    /// Clicks into a field and types.
    pub async fn types(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.call("Input.insertText", json!({ "text": text })).await.expect("typed");
    }

    /// Presses a key that has no text, such as Tab; or Enter.
    pub async fn press(&self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event).await.expect("pressed");
        }
    }

    /// The value of an expression on the page.
    ///
    /// # Errors
    /// While there is no page, and when the script fails.
    pub async fn evaluate(&self, script: &str) -> Result<Value, String> {
        let answer =
            self.call("Runtime.evaluate", json!({ "expression": script, "returnByValue": true })).await?;
        let fault = &answer["exceptionDetails"];
        if fault.is_null() { Ok(answer["result"]["value"].clone()) } else { Err(fault.to_string()) }
    }

    /// Looks like this from now on: so wide, in light or dark.
    pub async fn looks(&self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size).await.expect("sized");
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [scheme] })).await.expect("coloured");
    }

    /// Writes a picture of the whole page.
    pub async fn picture(&self, file: &Path) {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.call("Page.captureScreenshot", whole).await.expect("taken");
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap_or_default()).expect("base64");
        std::fs::write(file, bytes).expect("the scratch folder is writable");
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, String> {
        let mut talk = self.talk.lock().await;
        talk.last_id += 1;
        let id = talk.last_id;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &talk.session {
            message["sessionId"] = json!(session);
        }
        let gone = |error: &dyn std::fmt::Display| format!("Chromium is gone: {error}");
        talk.to.write_all(format!("{message}\0").as_bytes()).map_err(|error| gone(&error))?;
        talk.to.flush().map_err(|error| gone(&error))?;
        loop {
            let answer = tokio::time::timeout(SOON, talk.answers.recv()).await;
            let answer = answer.map_err(|_| format!("no answer to {method}"))?;
            let mut answer = answer.ok_or_else(|| gone(&"it closed the pipe"))?;
            // An answer that was given up earlier may still come.
            if answer["id"] == id {
                let error = &answer["error"];
                return if error.is_null() { Ok(answer["result"].take()) } else { Err(error.to_string()) };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
        // Its helpers may still write for a moment; what stays lies in the scratch folder.
        drop(std::fs::remove_dir_all(&self.profile));
    }
}
