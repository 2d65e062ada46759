//! A network that can be cut: a TCP proxy that stops carrying anything, as a dead switch would.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
};

/// Carries bytes between a port of its own and another one, unless it is cut.
pub struct Proxy {
    pub port: u16,
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    /// To a port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (is_cut, state) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(
                    near,
                    SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                    state.clone(),
                ));
            }
        });
        Self { port: own, is_cut }
    }

    /// Swallows everything from now on; connections stay open on both sides and hear nothing.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Carries on, with what was held up first.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn carry(near: TcpStream, address: SocketAddr, mut state: watch::Receiver<bool>) {
    if whole(&mut state).await.is_none() {
        return;
    }
    let Ok(far) = TcpStream::connect(address).await else {
        return;
    };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = pump(near_in, far_out, state.clone()) => {}
        () = pump(far_in, near_out, state) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if whole(&mut state).await.is_none() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Waits until nothing is cut; None when the proxy is gone.
async fn whole(state: &mut watch::Receiver<bool>) -> Option<()> {
    state.wait_for(|is_cut| !is_cut).await.ok().map(|_| ())
}
