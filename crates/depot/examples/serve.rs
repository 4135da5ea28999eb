//! Serves an empty depot: `cargo run --release --example serve -- 127.0.0.1:5000 [FOLDER]`.

use std::io::Write as _;

use transload_depot::{Depot, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:5000".to_owned()).parse()?;
    let depot = match arguments.next() {
        Some(folder) => Depot::in_folder(folder)?,
        None => Depot::temporary()?,
    };
    let server = Server::start(listen, depot).await?;
    writeln!(std::io::stdout(), "{}", server.addr())?;
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
