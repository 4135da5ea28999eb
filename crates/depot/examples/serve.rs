//! Serves an empty depot: `cargo run --release --example serve -- 127.0.0.1:5000 [FOLDER]`.

use std::io::Write as _;

use transload_depot::{Depot, Limits, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:5000".to_owned()).parse()?;
    let limits = Limits { memory_bytes_max: 8 << 30, ..Limits::default() };
    let depot = match arguments.next() {
        Some(folder) => Depot::in_folder_with(folder, limits)?,
        None => Depot::in_memory_with(limits),
    };
    let server = Server::start(listen, depot).await?;
    writeln!(std::io::stdout(), "{}", server.addr())?;
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
