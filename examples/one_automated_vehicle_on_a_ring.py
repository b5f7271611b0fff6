"""Twenty-two vehicles on a ring fall into stop-and-go waves by themselves; one automated vehicle smooths them."""

from proving.traffic import Ring, measure, ring

LAST_MINUTES = (300.0, 600.0)

for controller in ("none", "follower_stopper", "pi_saturation"):
    settings = Ring(controller=controller, automated_share=0.0 if controller == "none" else 1 / 22)
    run = measure(ring(settings, seed=1), "midSUV", *LAST_MINUTES)
    print(
        f"{controller:17s} fuel {run.fuel_l_per_100km:5.1f} l/100 km, "
        f"braking {run.braking_per_veh_km:5.2f} per vehicle-km, "
        f"speed {run.mean_speed_mps:.2f} ± {run.speed_std_mps:.2f} m/s"
    )
